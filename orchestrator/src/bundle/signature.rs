//! Signatures of bundles, in the format of minisign: of the manifest, and by it of every file.

use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use experiments::regular_file;
use minisign::{PError, PublicKeyBox, SecretKeyBox, SignatureBox};

use super::Manifest;

/// Bytes of a key's file at most.
const LARGEST: u64 = 1 << 16;

/// A key or a signature that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignatureError {
    /// The key's file cannot be read.
    #[error("cannot read the key `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is not a key, or the password is wrong.
    #[error("cannot use the key `{key}`: {reason}\n\nhint: `minisign -G` makes a pair of keys")]
    Key {
        /// As it was given.
        key: String,
        /// The reason.
        reason: String,
    },
}

/// A secret key that signs bundles.
pub(crate) struct SigningKey(minisign::SecretKey);

impl SigningKey {
    /// Reads the key in the file at `path`; where it is encrypted, its password is asked for on the terminal.
    pub(crate) fn read(path: &Path) -> Result<Self, SignatureError> {
        let failed = |reason: String| {
            let key = path.display().to_string();
            SignatureError::Key { key, reason }
        };
        let text = read(path)?;
        // Its kind is told only by trying.
        let key =
            SecretKeyBox::from_string(&text).and_then(SecretKeyBox::into_unencrypted_secret_key);
        if let Ok(key) = key {
            return Ok(Self(key));
        }
        let password = rpassword::prompt_password(format!("Password of `{}`: ", path.display()))
            .map_err(|error| failed(format!("its password cannot be asked for: {error}")))?;
        let key = SecretKeyBox::from_string(&text)
            .and_then(|key| key.into_secret_key(Some(password)))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self(key))
    }

    /// The signature of `manifest`, of a bundle of `run`.
    pub(super) fn sign(&self, manifest: &Manifest, run: &str) -> Result<String, PError> {
        let comment = format!("orch bundle of {run}");
        let text = Cursor::new(manifest.text());
        minisign::sign(None, &self.0, text, Some(&comment), None).map(SignatureBox::into_string)
    }
}

/// A public key that verifies bundles.
pub(crate) struct VerifyingKey(minisign::PublicKey);

impl VerifyingKey {
    /// The key `given`: the path of its file, or the key itself.
    pub(crate) fn read(given: &str) -> Result<Self, SignatureError> {
        let path = Path::new(given);
        let key = if path.exists() {
            PublicKeyBox::from_string(&read(path)?).and_then(PublicKeyBox::into_public_key)
        } else {
            minisign::PublicKey::from_base64(given)
        };
        key.map(Self).map_err(|error| SignatureError::Key {
            key: given.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Compares `signature` with `manifest`; `Err` with the reason if it is not by this key.
    pub(crate) fn verify(&self, signature: &str, manifest: &Manifest) -> Result<(), String> {
        let text = Cursor::new(manifest.text());
        SignatureBox::from_string(signature)
            .and_then(|signature| minisign::verify(&self.0, &signature, text, true, false, false))
            .map_err(|error| error.to_string())
    }
}

fn read(path: &Path) -> Result<String, SignatureError> {
    let read = regular_file::read(path, LARGEST);
    let bytes = read.map_err(|source| SignatureError::Read { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
