//! Writes a client's keys and configuration as the JSON texts of XTrace's SDK.
//!
//! `PaillierClient` writes numbers as decimal strings, `PaillierLookupClient` as bare JSON integers. The SDK does not
//! have the subgroup scheme; it is written in the second style, under the name `PaillierSubgroupClient`.

use super::stringified::{client_type, message_chunks};
use crate::bignum::uint::{self, Secret};
use crate::context::ExecutionContext;
use crate::error::Error;
use crate::paillier::client::Client;
use crate::paillier::keys::{Primes, secret};
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_key::{Elements, PublicKey};
use serde_json::{Value, json};
use zeroize::Zeroizing;

impl ExecutionContext {
    /// Returns the context as a JSON value in the SDK's format, with the secret key in plain text. Do not store or
    /// send it. The value is not wiped when dropped.
    ///
    /// # Errors
    /// As [`ExecutionContext::hash`].
    pub fn to_dict_plain(&self) -> Result<Value, Error> {
        Ok(json!({
            "sk": *self.stringify_sk()?,
            "pk": self.stringify_pk(),
            "type": client_type(self.scheme()),
            "config": self.stringify_config(),
        }))
    }

    /// Returns the public key in the SDK's format. Uses no secrets.
    pub fn stringify_pk(&self) -> String {
        public_key(self.public_key())
    }

    /// Returns the scheme and its sizes in the SDK's format. Uses no secrets.
    pub fn stringify_config(&self) -> String {
        config(self.parameters())
    }

    /// Returns the secret key in plain text, in the SDK's format. The text is wiped when dropped.
    ///
    /// # Errors
    /// As [`ExecutionContext::hash`].
    pub fn stringify_sk(&self) -> Result<Zeroizing<String>, Error> {
        secret_key(self.client())
    }
}

/// Writes the configuration.
pub(super) fn config(parameters: &Parameters) -> String {
    let (embed_len, key_len) = (parameters.embedding_length(), parameters.key_len());
    let sizes = format!("\"embed_len\": {embed_len}, \"key_len\": {key_len}}}");
    match (parameters.scheme(), parameters.alpha_len()) {
        (Scheme::PaillierLookup, Some(alpha_len)) => {
            format!("{{\"message_chunks\": {}, \"alpha_len\": {alpha_len}, {sizes}", message_chunks(parameters))
        }
        (_, Some(alpha_len)) => format!("{{\"alpha_len\": {alpha_len}, {sizes}"),
        (_, None) => format!("{{{sizes}"),
    }
}

/// Writes the public key.
pub(super) fn public_key(key: &PublicKey) -> String {
    let n = key.n();
    let squared = n * n;
    match key.elements() {
        Elements::Paillier => format!("{{\"g\": \"{}\", \"n\": \"{n}\", \"n_squared\": \"{squared}\"}}", n + 1u32),
        Elements::Lookup { g, g_n } => {
            format!("{{\"g\": {g}, \"n\": {n}, \"n_squared\": {squared}, \"g_n\": {g_n}}}")
        }
        Elements::Subgroup { h_n } => format!("{{\"n\": {n}, \"n_squared\": {squared}, \"h_n\": {h_n}}}"),
    }
}

/// Writes the secret key.
pub(super) fn secret_key(client: &Client) -> Result<Zeroizing<String>, Error> {
    let primes = client.primes()?;
    let text = |x: &Secret| uint::to_decimal(x);
    Ok(match client {
        Client::Paillier(_) => {
            let (phi, inv) = totient_inverse(&primes)?;
            joined(&["{\"phi\": \"", &text(&phi), "\", \"inv\": \"", &text(&inv), "\"}"])
        }
        Client::PaillierLookup(key) => {
            let [order_p, order_q] = key.orders().map(uint::from_limbs);
            let (a, inverse) = lookup_inverse(client.public_key(), &order_p, &order_q)?;
            let phi = primes.totient();
            joined(&["{\"phi\": ", &text(&phi), ", \"a\": ", &text(&a), ", \"g_a_inv\": ", &text(&inverse), "}"])
        }
        Client::PaillierSubgroup(key) => {
            let [alpha_p, alpha_q] = key.alphas().map(uint::from_limbs);
            let numbers = [&primes.p, &primes.q, &alpha_p, &alpha_q].map(text);
            let [p, q, alpha_p, alpha_q] = numbers.each_ref().map(|number| number.as_str());
            joined(&["{\"p\": ", p, ", \"q\": ", q, ", \"alpha_p\": ", alpha_p, ", \"alpha_q\": ", alpha_q, "}"])
        }
    })
}

/// Concatenates texts. Allocates the full length at once, because a growing string would leave copies of itself in
/// memory.
fn joined(parts: &[&str]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| text.push_str(part));
    text
}

/// Computes φ(n) and its inverse modulo n.
pub(super) fn totient_inverse(primes: &Primes) -> Result<(Secret, Secret), Error> {
    let phi = primes.totient();
    let n = uint::product(&primes.p, &primes.q);
    let inverse = uint::inverse(&phi, &n).ok_or_else(|| Error::context("phi", "has no inverse modulo n"))?;
    Ok((phi, inverse))
}

/// Computes a = lcm(q1, q2) and L(g^a mod n²)⁻¹ mod n.
pub(super) fn lookup_inverse(key: &PublicKey, order_p: &Secret, order_q: &Secret) -> Result<(Secret, Secret), Error> {
    let Elements::Lookup { g, .. } = key.elements() else {
        return Err(Error::context("type", "does not match the keys"));
    };
    let fail = || Error::context("g_a_inv", "does not exist");
    let a = if uint::equal(order_p, order_q) { order_p.clone() } else { uint::product(order_p, order_q) };
    let n = secret(key.n(), key.parameters().key_len() / 32);
    let squared = uint::product(&n, &n);
    let power = uint::power(&secret(g, key.parameters().key_len() / 16), &a, &squared).ok_or_else(fail)?;
    let (logarithm, _) = uint::quotient(&power, &n).ok_or_else(fail)?;
    Ok((a, uint::inverse(&logarithm, &n).ok_or_else(fail)?))
}

/// Writes a JSON object of strings in the style of Python's `json.dumps`.
pub(super) fn python_object(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let length: usize = fields.iter().map(|(key, value)| key.len() + 2 * value.len() + 16).sum();
    let mut out = Zeroizing::new(String::with_capacity(length));
    for (i, (key, value)) in fields.iter().enumerate() {
        out.push_str(if i == 0 { "{" } else { ", " });
        python_string(&mut out, key);
        out.push_str(": ");
        python_string(&mut out, value);
    }
    out.push('}');
    out
}

/// Appends a JSON string as Python writes it: ASCII only.
fn python_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_python_does() {
        // json.dumps({"a": "é\"\\\n\x7f😀~"})
        let text = python_object(&[("a", "é\"\\\n\u{7f}😀~"), ("b", "")]);
        assert_eq!(*text, r#"{"a": "\u00e9\"\\\n\u007f\ud83d\ude00~", "b": ""}"#);
    }
}
