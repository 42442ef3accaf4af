//! A package's stanza in `Packages`: in: control, place and digests, out: apt's paragraph.

use crate::control::Paragraph;
use crate::digest::Digests;
use crate::error::Error;

/// apt's order of fields (`TFRewritePackageOrder` of apt-pkg 2.6); all others follow as they are in
/// the package.
const ORDER: [&str; 41] = [
    "Package",
    "Package-Type",
    "Architecture",
    "Subarchitecture",
    "Version",
    "Kernel-Version",
    "Built-Using",
    "Static-Built-Using",
    "Built-For-Profiles",
    "Auto-Built-Package",
    "Multi-Arch",
    "Priority",
    "Protected",
    "Important",
    "Essential",
    "Installer-Menu-Item",
    "Section",
    "Source",
    "Origin",
    "Phased-Update-Percentage",
    "Maintainer",
    "Original-Maintainer",
    "Bugs",
    "Installed-Size",
    "Provides",
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Enhances",
    "Filename",
    "Size",
    "MD5sum",
    "SHA256",
    "Homepage",
    "Description",
    "Tag",
    "Task",
];

/// The stanza of a package. `filename` is its path from the root of the repository.
///
/// # Errors
/// `Error::Field` for a file name that is absolute, climbs or has a blank, and for a package that
/// already has one of the fields that only an index may have.
pub fn packages_stanza(
    control: &Paragraph,
    filename: &str,
    digests: &Digests,
) -> Result<Paragraph, Error> {
    let component = |part: &str| !matches!(part, "" | "." | "..");
    let blank = |c: char| c.is_whitespace() || c.is_control();
    if !filename.split('/').all(component) || filename.contains(blank) {
        return Err(Error::field("Filename", "is not a relative path without blanks"));
    }
    let mut stanza = control.clone();
    for (name, value) in [
        ("Filename", filename),
        ("Size", &digests.size.to_string()),
        ("MD5sum", &digests.md5.to_string()),
        ("SHA256", &digests.sha256.to_string()),
    ] {
        if control.get(name).is_some() {
            return Err(Error::field(name, "stands in the package, but belongs to an index"));
        }
        stanza.set(name, value)?;
    }
    Ok(stanza.ordered(&ORDER))
}
