//! Imports have no cycles: no file of a crate, and no layer, imports itself directly or through others.
//!
//! Reads `use` declarations, and `from . import` in Python. Ignores re-exports (`pub use`, `__init__.py`), paths in
//! the code, and the imports of tests.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FOLDERS: [&str; 6] = ["src", "server/src", "client/src", "cli/src", "python/src", "python/hushvec"];

type Imports = BTreeMap<String, BTreeSet<String>>;

/// Collects the modules below a folder by path, with their source text up to the tests.
fn modules(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = if prefix.is_empty() { name.clone() } else { format!("{prefix}::{name}") };
        if path.is_dir() {
            modules(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "py")
            && !["tests", "lib", "__init__"].contains(&name.as_str())
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
            found.insert(module, text[..end].to_owned());
        }
    }
}

/// Collects the paths that a `use` tree names.
fn paths(tree: &str, found: &mut Vec<String>) {
    let Some((prefix, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree).trim().trim_end_matches("::self");
        return found.push(path.to_owned());
    };
    let (mut depth, mut start) = (0, 0);
    let group = group.strip_suffix('}').unwrap_or(group);
    for (at, character) in group.char_indices().chain([(group.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = group[start..at].trim();
                if !part.is_empty() {
                    paths(&format!("{prefix}{part}"), found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Resolves a path used in `module` to one of the modules in `all`.
fn target(module: &str, path: &str, all: &BTreeMap<String, String>) -> Option<String> {
    let mut full: Vec<&str> = module.split("::").collect();
    let mut parts = path.split("::").peekable();
    match parts.peek().copied()? {
        "crate" => {
            full.clear();
            parts.next();
        }
        "super" | "self" => {
            while let Some(up) = parts.next_if(|part| ["super", "self"].contains(part)) {
                full.truncate(full.len() - usize::from(up == "super"));
            }
        }
        child if !all.contains_key(&format!("{module}::{child}")) => return None,
        _ => {}
    }
    full.extend(parts);
    (1..=full.len()).rev().map(|length| full[..length].join("::")).find(|name| all.contains_key(name))
}

/// Returns the relative imports of a Python file as Rust paths: `from ..a import b` is `super::super::a::b`.
fn python_paths(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("from .")?.split_once(" import "));
    let paths = lines.flat_map(|(module, names)| {
        let inner = module.trim_start_matches('.');
        let ups = "super::".repeat(module.len() - inner.len() + 1);
        let inner = if inner.is_empty() { String::new() } else { inner.replace('.', "::") + "::" };
        names.split(',').map(move |name| format!("{ups}{inner}{}", name.trim()))
    });
    paths.map(|path| path.split(" as ").next().unwrap_or_default().to_owned()).collect()
}

fn imports(folder: &str) -> Imports {
    let mut all = BTreeMap::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), "", &mut all);
    assert!(all.len() > 10, "{folder} has no modules");
    let of_module = |(module, text): (&String, &String)| {
        let mut named = python_paths(text);
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
        for statement in lines.split(';').filter_map(|statement| statement.rsplit_once("use ")) {
            let is_import = statement.0.ends_with(' ') && !statement.0.trim_end().ends_with("pub");
            if is_import || statement.0.is_empty() {
                paths(statement.1, &mut named);
            }
        }
        let targets = named.iter().filter_map(|path| target(module, path, &all)).filter(|target| target != module);
        (module.clone(), targets.collect())
    };
    all.iter().map(of_module).collect()
}

/// Reduces imports of modules to imports of layers: top-level modules, each with everything in its folder.
fn layers(imports: &Imports) -> Imports {
    let top = |module: &str| module.split("::").next().unwrap_or(module).to_owned();
    let mut layers = Imports::new();
    for (module, targets) in imports {
        layers.entry(top(module)).or_default().extend(targets.iter().map(|target| top(target)));
    }
    for (layer, targets) in &mut layers {
        targets.remove(layer);
    }
    layers
}

/// Returns the modules that a module imports directly or through others.
fn reached<'a>(from: &str, imports: &'a Imports) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports[from].iter().map(String::as_str).collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(imports[module].iter().map(String::as_str));
        }
    }
    reached
}

/// Returns the modules that import themselves through others.
fn circular(imports: &Imports) -> Vec<&str> {
    imports.keys().map(String::as_str).filter(|module| reached(module, imports).contains(module)).collect()
}

#[test]
fn no_file_imports_itself_through_others() {
    for folder in FOLDERS {
        let imports = imports(folder);
        assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 20, "{folder}: imports were not read");
        let circular = circular(&imports);
        assert!(circular.is_empty(), "{folder}: these files have circular imports: {circular:?}");
    }
}

#[test]
fn no_layer_imports_itself_through_others() {
    for folder in FOLDERS {
        let layers = layers(&imports(folder));
        let circular = circular(&layers);
        assert!(circular.is_empty(), "{folder}: these layers have circular imports: {circular:?}");
    }
}
