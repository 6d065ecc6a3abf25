//! Tables of powers.

use crate::recorded::{NAMES, context_text, load, load_text, vectors};
use hushvec::{Error, Tables};

#[test]
fn tables_equal_the_sdks_and_loaded_tables_are_checked() {
    for name in NAMES {
        let (ctx, recorded) = (load(name), vectors(name));
        let tables = ctx.dump_tables().unwrap();
        if !name.starts_with("lookup") {
            assert_eq!((&tables, tables.to_json().unwrap().as_str()), (&Tables::default(), "{}"));
            continue;
        }
        assert_eq!(tables.g_table.len() as u64, recorded["tables_shape"]["g_table_rows"].as_u64().unwrap());
        for (row, field) in [(0, "g_table_row0_first4"), (1, "g_table_row1_first4")] {
            let first: Vec<String> = tables.g_table[row][..4].iter().map(ToString::to_string).collect();
            let expected: Vec<&str> = recorded[field].as_array().unwrap().iter().map(|x| x.as_str().unwrap()).collect();
            assert_eq!(first, expected);
        }
        ctx.load_tables(&tables).unwrap();
        let json = tables.to_json().unwrap();
        assert_eq!(Tables::from_json(&json).unwrap(), tables);
        if name == "lookup_64_512" {
            let stored = context_text(name);
            let with = |json: &str| format!("{}, \"tables\": {json}}}", &stored[..stored.len() - 1]);
            load_text(&with(&json)).unwrap();
            assert!(matches!(load_text(&with("{\"g_table\": {}, \"noise_table\": []}")), Err(Error::Context { .. })));
            assert!(matches!(load_text(&with("[1]")), Err(Error::Context { .. })));
        }
        let refused = |change: &dyn Fn(&mut Tables)| {
            let mut changed = tables.clone();
            change(&mut changed);
            assert!(matches!(ctx.load_tables(&changed), Err(Error::Context { field: "tables", .. })));
        };
        refused(&|t| t.g_table[3][7] += 1u32);
        refused(&|t| t.g_table[0][0] = 2u32.into());
        refused(&|t| drop(t.g_table.pop()));
        refused(&|t| drop(t.g_table[5].pop()));
        refused(&|t| t.noise_table.fill(1u32.into()));
        refused(&|t| t.noise_table[9] = 1u32.into());
        refused(&|t| t.noise_table[9] = t.noise_table[8].clone());
        refused(&|t| t.noise_table[9] = t.g_table[0][1].clone());
        refused(&|t| t.noise_table[200] += 1u32);
        refused(&|t| t.noise_table[200] = 0u32.into());
        refused(&|t| drop(t.noise_table.pop()));
    }
}
