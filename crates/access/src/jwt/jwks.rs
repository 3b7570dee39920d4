//! Keys out of a JWKS document. \[RFC7517\] \[RFC7518\] \[RFC8037\]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::algorithm::{Algorithm, Material};
use super::keys::{Key, KeyError};
use super::pem::without_zeros;
use crate::Secret;

pub(super) fn keys(text: &str) -> Result<Vec<Key>, KeyError> {
    let document: Value = serde_json::from_str(text).map_err(|_| KeyError::Jwks)?;
    let list = document.get("keys").and_then(Value::as_array);
    let list = list.ok_or(KeyError::Jwks)?;
    let keys: Vec<_> = list.iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err(KeyError::NoKey);
    }
    Ok(keys)
}

/// `None` for a key that is not for signatures, or of a kind that is not known. \[RFC7517\] wants
/// such keys to be left out.
fn key(value: &Value) -> Option<Key> {
    let string = |name| value.get(name).and_then(Value::as_str);
    if string("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    let algorithm = match string("alg") {
        Some(name) => Some(Algorithm::named(name)?),
        None => None,
    };
    Some(Key {
        id: string("kid").map(str::to_owned),
        algorithm,
        material: material(value)?,
    })
}

fn material(value: &Value) -> Option<Material> {
    let string = |name| value.get(name).and_then(Value::as_str);
    let bytes = |name| URL_SAFE_NO_PAD.decode(string(name)?).ok();
    match (string("kty")?, string("crv")) {
        ("oct", _) => {
            let secret = Some(bytes("k")?).filter(|secret| !secret.is_empty());
            Some(Material::Secret(Secret::new(secret?)))
        }
        ("RSA", _) => Some(Material::Rsa {
            n: without_zeros(&bytes("n")?),
            e: without_zeros(&bytes("e")?),
        }),
        ("EC", Some("P-256")) => Some(Material::P256(point(32, &bytes("x")?, &bytes("y")?)?)),
        ("EC", Some("P-384")) => Some(Material::P384(point(48, &bytes("x")?, &bytes("y")?)?)),
        ("OKP", Some("Ed25519")) => {
            let point = Some(bytes("x")?).filter(|point| point.len() == 32);
            Some(Material::Ed25519(point?))
        }
        _ => None,
    }
}

/// An uncompressed point.
fn point(bytes: usize, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let is_whole = x.len() == bytes && y.len() == bytes;
    is_whole.then(|| [&[4], x, y].concat())
}
