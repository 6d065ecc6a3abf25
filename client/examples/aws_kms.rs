//! A context whose key is wrapped by AWS KMS.
//!
//!     cargo run -p hushvec-client --features aws-kms --example aws_kms -- create alias/search ctx.json
//!     cargo run -p hushvec-client --features aws-kms --example aws_kms -- open alias/search ctx.json
//!
//! Credentials, region and endpoint come from the settings of the AWS CLI (`AWS_PROFILE`, `AWS_REGION`,
//! `AWS_ENDPOINT_URL`, …).

use hushvec::{ExecutionContext, Format, HomomorphicClient};
use hushvec_client::AwsKmsKeyProvider;
use std::error::Error;
use std::path::Path;

const DIMENSIONS: usize = 96;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [command, key_id, path] = arguments[..] else {
        return Err("usage: aws_kms <create|create-xtrace|open> <KMS key id> <file>".into());
    };
    let client = AwsKmsKeyProvider::client_from_environment()?;
    if let "create" | "create-xtrace" = command {
        let format = if command == "create" { Format::Native } else { Format::XTrace };
        // KMS creates a key that seals the context's secret key. The file contains it in wrapped form: only KMS can
        // unwrap it.
        let provider = AwsKmsKeyProvider::create(client.clone(), key_id)?;
        ExecutionContext::builder().embedding_length(DIMENSIONS).format(format).path(path).create(provider)?;
    }
    // KMS unwraps the key for callers with permission.
    let context = ExecutionContext::load_from_disk(Path::new(path), &AwsKmsKeyProvider::new(client, key_id))?;
    let [a, b] = [0, 1].map(|bit| context.encrypt_vec_one(&[bit; DIMENSIONS]));
    let distance = context.decode_hamming_client_one(&context.add(&a?, &b?)?)?;
    println!("{} {distance}", context.hash()?);
    Ok(())
}
