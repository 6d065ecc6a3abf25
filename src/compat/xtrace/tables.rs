//! The tables that XTrace's lookup client computes, and that its users can store.
//!
//! This crate does not need them: its own window tables take milliseconds to compute. It makes these tables for use
//! with the SDK. It checks tables that come from outside and then discards them.

use super::stringified::message_chunks;
use crate::bignum::batch::Rows;
use crate::context::ExecutionContext;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::client::Client;
use crate::paillier::kernels::crt_decrypt::crt_decrypt;
use crate::paillier::parameters::Scheme;
use crate::paillier::plaintext::Plaintext;
use crate::paillier::public_key::Elements;
use num_bigint::BigUint;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashSet};
use zeroize::Zeroizing;

/// The number of entries of each row of `g_table`, and of `noise_table`.
const ENTRIES: usize = 256;

/// `g_table[i][j]` = g^(j·256^i) mod n², and random powers of g_n. Both tables are empty for other schemes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// Powers of g, one row for each byte of a message.
    pub g_table: Vec<Vec<BigUint>>,
    /// Random powers of g_n.
    pub noise_table: Vec<BigUint>,
}

#[derive(Serialize, Deserialize, Default)]
struct Json {
    #[serde(default)]
    g_table: BTreeMap<usize, Vec<Box<RawValue>>>,
    #[serde(default)]
    noise_table: Vec<Box<RawValue>>,
}

impl Tables {
    /// Writes the SDK's JSON: `{"g_table": {"0": […], …}, "noise_table": […]}` with bare integers; `{}` if there are
    /// no tables.
    ///
    /// # Errors
    /// None in practice: numbers are valid JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        if self.g_table.is_empty() && self.noise_table.is_empty() {
            return Ok("{}".to_owned());
        }
        let failed = |error| Error::format(format!("tables cannot be written as JSON: {error}"));
        let raw = |row: &Vec<BigUint>| row.iter().map(|x| RawValue::from_string(x.to_string())).collect();
        let g_table = self.g_table.iter().map(raw).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let json = Json {
            g_table: g_table.into_iter().enumerate().collect(),
            noise_table: raw(&self.noise_table).map_err(failed)?,
        };
        serde_json::to_string(&json).map_err(failed)
    }

    /// Reads the SDK's JSON.
    ///
    /// # Errors
    /// [`Error::Context`] if the text has another format.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| Error::context("tables", format!("are not in XTrace's format: {error}")))?;
        let numbers = |row: Vec<Box<RawValue>>| {
            row.iter()
                .map(|raw| {
                    let number = Some(raw.get()).filter(|text| text.len() <= 5_000);
                    number.and_then(|text| BigUint::parse_bytes(text.as_bytes(), 10))
                })
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| Error::context("tables", "contain an entry that is not a number"))
        };
        let keys_in_order = json.g_table.keys().copied().eq(0..json.g_table.len());
        if !keys_in_order {
            return Err(Error::context("tables", "lack a row of g_table"));
        }
        let g_table = json.g_table.into_values().map(numbers).collect::<Result<_, _>>()?;
        Ok(Self { g_table, noise_table: numbers(json.noise_table)? })
    }
}

impl ExecutionContext {
    /// Computes the tables of XTrace's lookup client. They are empty for other schemes.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn dump_tables(&self) -> Result<Tables, Error> {
        dump(self.client(), self.secret_device())
    }

    /// Checks every entry of tables from outside. The tables are not kept, because this crate computes its own tables
    /// in less time than it takes to read these.
    ///
    /// # Errors
    /// [`Error::Context`] if an entry does not follow from the key.
    pub fn load_tables(&self, tables: &Tables) -> Result<(), Error> {
        check(self.client(), self.secret_device(), tables)
    }
}

/// Computes the tables of a lookup client, with fresh noise. They are empty for other schemes.
fn dump(client: &Client, device: &OpenDevice) -> Result<Tables, Error> {
    let public = client.public_key();
    let Elements::Lookup { g, .. } = public.elements() else { return Ok(Tables::default()) };
    let squared = public.n() * public.n();
    let mut g_table = Vec::new();
    let mut base = g.clone();
    for _ in 0..message_chunks(public.parameters()) {
        let mut row = Vec::with_capacity(ENTRIES);
        let mut entry = BigUint::from(1u32);
        for _ in 0..ENTRIES {
            let next = &entry * &base % &squared;
            row.push(std::mem::replace(&mut entry, next));
        }
        base = entry;
        g_table.push(row);
    }
    let zero = Plaintext::from(0u64);
    let noise = (0..ENTRIES).map(|_| client.encrypt(device, &zero)?.to_biguint(public));
    Ok(Tables { g_table, noise_table: noise.collect::<Result<_, _>>()? })
}

/// Checks every entry of tables from outside.
///
/// # Errors
/// [`Error::Context`], saying which table is wrong.
pub(super) fn check(client: &Client, device: &OpenDevice, tables: &Tables) -> Result<(), Error> {
    let public = client.public_key();
    let Elements::Lookup { g, .. } = public.elements() else {
        if *tables == Tables::default() {
            return Ok(());
        }
        let scheme: Scheme = client.parameters().scheme();
        return Err(Error::context("tables", format!("were given, but {scheme} has none")));
    };
    let squared = public.n() * public.n();
    let wrong = |table: &'static str, i| Error::context("tables", format!("have a wrong entry in row {i} of {table}"));
    if tables.g_table.len() != message_chunks(public.parameters()) {
        return Err(Error::context("tables", "have the wrong number of rows in g_table"));
    }
    let mut base = g.clone();
    for (i, row) in tables.g_table.iter().enumerate() {
        let mut expected = BigUint::from(1u32);
        if row.len() != ENTRIES {
            return Err(wrong("g_table", i));
        }
        for entry in row {
            if *entry != expected {
                return Err(wrong("g_table", i));
            }
            expected = &expected * &base % &squared;
        }
        base = expected;
    }
    // Noise decrypts to 0. An entry that is 1, or occurs twice, does not hide a message.
    let distinct: HashSet<&BigUint> = tables.noise_table.iter().collect();
    if tables.noise_table.len() != ENTRIES || distinct.len() != ENTRIES || distinct.contains(&BigUint::from(1u32)) {
        let reason = format!("have a noise_table that does not have {ENTRIES} different entries other than 1");
        return Err(Error::context("tables", reason));
    }
    let size = public.parameters().ciphertext_bytes();
    let mut bytes = Vec::with_capacity(ENTRIES * size);
    for (i, entry) in tables.noise_table.iter().enumerate() {
        let mut le = entry.to_bytes_le();
        if le.len() > size {
            return Err(wrong("noise_table", i));
        }
        le.resize(size, 0);
        bytes.extend(le);
    }
    let noise = Ciphertexts::from_integers(public, device, &bytes)
        .map_err(|error| Error::context("tables", format!("have a wrong entry in noise_table: {error}")))?;
    let mut plaintexts = Zeroizing::new(vec![1u64; ENTRIES * public.width()]);
    crt_decrypt(device, &client.keys().crt, noise.rows(), &mut plaintexts);
    match Rows::new(&plaintexts, public.width()).iter().position(|row| row.iter().any(|limb| *limb != 0)) {
        Some(i) => Err(wrong("noise_table", i)),
        None => Ok(()),
    }
}
