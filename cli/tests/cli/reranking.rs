//! `push --rerank-with` and `search --oversample`, of vectors that are projected: embeddings stay what the file has.

use crate::desk::{Desk, vectors};
use crate::served::Served;
use serde_json::Value;

/// Embeddings of 48 dimensions at growing angles to the first one.
fn embeddings() -> Vec<Vec<f32>> {
    let component = |row: u8, at: u8| if at < row { -1.0 } else { 1.0 + f32::from(at) / 64.0 };
    (0..40).map(|row| (0..48).map(|at| component(row, at)).collect()).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn projected_vectors_are_ranked_by_their_floats() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = embeddings();
    desk.floats("vectors.npy", &rows);
    desk.floats("query.npy", &rows[..1]);
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx", "--project"]);
    let server = Served::new(&desk.path("data"));
    let command = |arguments: &[&str]| {
        let mut command = desk.command(arguments);
        command.args(["--server", &server.url]).env("HUSHVEC_API_KEY", &server.admin_key).assert()
    };
    let push = ["push", "ctx.json", "index.hvx", "--create-kb", "notes", "--rerank-with", "vectors.npy"];
    let refused = command(&push).code(1);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(
        said.contains("has 48 dimensions a vector, the context needs 64; --project makes 64 bits of them"),
        "{said}"
    );
    let pushed = command(&[&push[..], &["--project", "--rerank-as", "float16"]].concat()).success();
    let said = String::from_utf8_lossy(&pushed.get_output().stderr).into_owned();
    assert!(said.contains("stored 40 new vectors in notes at") && !said.contains("warning"), "{said}");

    let search =
        ["search", "ctx.json", "query.npy", "--kb", "notes", "-k", "5", "--oversample", "8", "--json", "--project"];
    let output = command(&search).success().get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&output).unwrap();
    for (row, hit) in found["results"][0]["neighbours"].as_array().unwrap().iter().enumerate() {
        assert_eq!(hit["id"], row, "{found}");
        assert!((hit["cosine"].as_f64().unwrap() - cosine(&rows[0], &rows[row])).abs() < 1e-3, "{found}");
    }
    assert_eq!(found["results"][0]["neighbours"].as_array().unwrap().len(), 5);
}

/// As many dimensions as bits: whether vectors were projected shows in their bits only.
#[test]
fn a_forgotten_option_is_noticed() {
    let desk = Desk::furnished("paillier_subgroup");
    desk.floats("vectors.npy", &vectors(40));
    let server = Served::new(&desk.path("data"));
    for (name, encrypted, pushed, what) in [
        ("same.hvx", &[][..], &[][..], None),
        ("both.hvx", &["--project"], &["--project"], None),
        ("first.hvx", &["--project"], &[], Some("If the vectors were encrypted with --project, push them so")),
        ("second.hvx", &[], &["--project"], Some("If the vectors were encrypted without --project, push them so")),
    ] {
        desk.ok(&[&["encrypt", "ctx.json", "vectors.npy", "-o", name], encrypted].concat());
        let push =
            ["push", "ctx.json", name, "--create-kb", name, "--rerank-with", "vectors.npy", "--server", &server.url];
        let mut command = desk.command(&[&push[..], pushed].concat());
        let output = command.env("HUSHVEC_API_KEY", &server.admin_key).assert().success();
        let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        match what {
            Some(what) => assert!(said.contains(what), "{name}: {said}"),
            None => assert!(!said.contains("warning"), "{name}: {said}"),
        }
    }
}
