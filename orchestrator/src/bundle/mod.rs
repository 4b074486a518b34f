//! Bundles: the evidence of a run in one file, which can be verified where the run was never seen
//! (docs/bundle.md).
//!
//! A bundle is the run's own files under their own names, its report, a description of both, and a manifest
//! of their SHA-256; as a folder, or as that folder in a zip archive. The same run gives the same bytes.
//! A bundle that comes from elsewhere may be hostile: it is unpacked into a new folder, within limits.

mod contents;
mod coverage;
mod description;
mod entry_name;
mod error;
mod manifest;
mod pack;
pub(crate) mod ro_crate;
mod signature;
mod unpack;
mod unpacked;
mod zip_file;

pub(crate) use contents::{Contents, Selection};
pub(crate) use coverage::Coverage;
pub(crate) use description::{Description, Kind, LeftOut};
pub(crate) use error::BundleError;
pub(crate) use manifest::Manifest;
pub(crate) use pack::{Signature, same_archive, write_folder, write_zip};
pub(crate) use signature::{SignatureError, SigningKey, VerifyingKey};
pub(crate) use unpack::{Limits, unpack};
pub(crate) use unpacked::Unpacked;

/// The SHA-256 of every other file, in the format of `sha256sum`.
pub(crate) const MANIFEST: &str = "manifest.sha256";

/// The signature of the manifest, in a signed bundle.
pub(crate) const SIGNATURE: &str = "manifest.sha256.minisig";

/// The bundle's [`Description`].
pub(crate) const DESCRIPTION: &str = "bundle.json";

/// The bundle as an RO-Crate.
pub(crate) const RO_CRATE: &str = "ro-crate-metadata.json";

/// The folder of the report.
pub(crate) const REPORT: &str = "report";
