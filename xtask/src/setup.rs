//! What the end-to-end tests need on the machine, installed where there is the right to.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::run::{Failure, step};

/// A program and the Debian packages that bring it.
struct Need {
    program: &'static str,
    packages: &'static [&'static str],
}

const NEEDS: [Need; 3] = [
    Need { program: "npm", packages: &["nodejs", "npm"] },
    Need { program: "chromium", packages: &["chromium"] },
    Need { program: "python3", packages: &["python3", "python3-venv"] },
];

/// Sees to it that Node.js, Chromium and Python are there.
pub(crate) fn system_packages() -> Result<(), Failure> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| find(need.program).is_none()).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if find("apt-get").is_none() || !is_root() {
        let programs: Vec<&str> = missing.iter().map(|need| need.program).collect();
        return Err(Failure(format!(
            "the end-to-end tests need {}: install the packages {list} (on Debian: apt-get install {list})",
            programs.join(", ")
        )));
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        command
    };
    step("system packages: list", &mut apt(&["update"]))?;
    let mut args = vec!["install", "--yes"];
    args.extend(&packages);
    step(&format!("system packages: {list}"), &mut apt(&args))
}

/// Where a program is, by PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
