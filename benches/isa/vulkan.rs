//! Makes a compute pipeline and reads the driver's statistics with `VK_KHR_pipeline_executable_properties`.

use crate::mesa::{ASSEMBLY, DRIVER};
use ash::vk;
use std::ffi::CStr;
use std::path::Path;

/// The number of bindings of shaders: see `shaders/shared/bindings.wgsl`.
const BINDINGS: u32 = 6;

/// Compiles a SPIR-V file and prints statistics and assembly. Vulkan objects are not destroyed, because the process
/// exits.
pub fn compile(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let words: Vec<u32> = bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    // SAFETY: loading the Vulkan loader has no preconditions, and nothing else in this process uses it.
    let entry = unsafe { ash::Entry::load() }.unwrap();
    let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
    let info = vk::InstanceCreateInfo::default().application_info(&application);
    // SAFETY: as in all calls below, everything that `info` points to lives until the call returns, and all handles
    // live until the process exits.
    let instance = unsafe { entry.create_instance(&info, None) }.unwrap();
    // SAFETY: see above.
    let physical = unsafe { instance.enumerate_physical_devices() }.unwrap()[0];
    println!("{DRIVER}{}", driver(&instance, physical));
    let device = open(&instance, physical);
    let pipeline = pipeline(&device, &words);
    let executables = ash::khr::pipeline_executable_properties::Device::new(&instance, &device);

    let info = vk::PipelineInfoKHR::default().pipeline(pipeline);
    // SAFETY: the pipeline was made with the flags that these three calls need, and has the executable 0.
    let properties = unsafe { executables.get_pipeline_executable_properties(&info) }.unwrap();
    println!("Subgroup size={}", properties[0].subgroup_size);
    let executable = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(0);
    // SAFETY: see above.
    for statistic in unsafe { executables.get_pipeline_executable_statistics(&executable) }.unwrap() {
        // SAFETY: the driver terminates names with zeros, and all statistics of RADV are 64-bit integers.
        let (name, value) = unsafe { (CStr::from_ptr(statistic.name.as_ptr()), statistic.value.u64) };
        println!("{}={value}", name.to_string_lossy());
    }
    println!("{ASSEMBLY}");
    println!("{}", assembly(&device, &executables, &executable));
}

/// Returns the driver's name and version.
fn driver(instance: &ash::Instance, physical: vk::PhysicalDevice) -> String {
    let mut driver = vk::PhysicalDeviceDriverProperties::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
    // SAFETY: see `compile`.
    unsafe { instance.get_physical_device_properties2(physical, &mut properties) };
    // SAFETY: the driver terminates both with zeros.
    let texts =
        [driver.driver_name, driver.driver_info].map(|text| unsafe { CStr::from_ptr(text.as_ptr()) }.to_owned());
    texts.map(|text| text.to_string_lossy().into_owned()).join(", ")
}

/// Opens a device with the features that wgpu enables and the shaders use.
fn open(instance: &ash::Instance, physical: vk::PhysicalDevice) -> ash::Device {
    let extensions = [ash::khr::pipeline_executable_properties::NAME.as_ptr(), ash::ext::robustness2::NAME.as_ptr()];
    let queues = [vk::DeviceQueueCreateInfo::default().queue_family_index(0).queue_priorities(&[1.0])];
    let features = vk::PhysicalDeviceFeatures::default().shader_int64(true).robust_buffer_access(true);
    let mut robustness = vk::PhysicalDeviceRobustness2FeaturesEXT::default().robust_buffer_access2(true);
    let mut memory = vk::PhysicalDeviceVulkan12Features::default().vulkan_memory_model(true);
    let mut subgroups = vk::PhysicalDeviceVulkan13Features::default().subgroup_size_control(true);
    let mut executables =
        vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default().pipeline_executable_info(true);
    let info = vk::DeviceCreateInfo::default()
        .queue_create_infos(&queues)
        .enabled_extension_names(&extensions)
        .enabled_features(&features)
        .push_next(&mut robustness)
        .push_next(&mut memory)
        .push_next(&mut subgroups)
        .push_next(&mut executables);
    // SAFETY: see `compile`.
    unsafe { instance.create_device(physical, &info, None) }.unwrap()
}

fn pipeline(device: &ash::Device, words: &[u32]) -> vk::Pipeline {
    let bindings: Vec<_> = (0..BINDINGS)
        .map(|binding| {
            let kind =
                if binding == 0 { vk::DescriptorType::UNIFORM_BUFFER } else { vk::DescriptorType::STORAGE_BUFFER };
            vk::DescriptorSetLayoutBinding::default()
                .binding(binding)
                .descriptor_type(kind)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
        })
        .collect();
    let set = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
    // SAFETY: see `compile`.
    let sets = [unsafe { device.create_descriptor_set_layout(&set, None) }.unwrap()];
    let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
    // SAFETY: see `compile`.
    let layout = unsafe { device.create_pipeline_layout(&layout, None) }.unwrap();
    let module = vk::ShaderModuleCreateInfo::default().code(words);
    // SAFETY: naga wrote the SPIR-V from a validated module.
    let module = unsafe { device.create_shader_module(&module, None) }.unwrap();
    let stage = vk::PipelineShaderStageCreateInfo::default()
        .stage(vk::ShaderStageFlags::COMPUTE)
        .module(module)
        .name(c"main")
        .flags(vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE);
    let capture =
        vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR;
    let info = vk::ComputePipelineCreateInfo::default().stage(stage).layout(layout).flags(capture);
    // SAFETY: see `compile`.
    unsafe { device.create_compute_pipelines(vk::PipelineCache::null(), &[info], None) }.unwrap()[0]
}

/// Returns the assembly.
fn assembly(
    device: &ash::Device,
    executables: &ash::khr::pipeline_executable_properties::Device,
    executable: &vk::PipelineExecutableInfoKHR<'_>,
) -> String {
    // SAFETY: as for the other two calls. This call only returns the sizes.
    let mut texts = unsafe { executables.get_pipeline_executable_internal_representations(executable) }.unwrap();
    let mut buffers: Vec<Vec<u8>> = texts.iter().map(|text| vec![0; text.data_size]).collect();
    for (text, buffer) in texts.iter_mut().zip(&mut buffers) {
        text.p_data = buffer.as_mut_ptr().cast();
    }
    let mut count = u32::try_from(texts.len()).unwrap();
    let fetch = executables.fp().get_pipeline_executable_internal_representations_khr;
    // SAFETY: `texts` has `count` elements, and each points to a buffer of `data_size` bytes.
    unsafe { fetch(device.handle(), executable, &raw mut count, texts.as_mut_ptr()) }.result().unwrap();
    let found = texts.iter().zip(&buffers).find(|(text, _)| {
        // SAFETY: the driver terminates names with zeros.
        let name = unsafe { CStr::from_ptr(text.name.as_ptr()) };
        name == c"Assembly"
    });
    let (_, buffer) = found.unwrap();
    String::from_utf8_lossy(buffer).trim_end_matches('\0').to_owned()
}
