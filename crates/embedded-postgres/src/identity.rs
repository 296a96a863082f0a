//! As whom the server runs. PostgreSQL refuses root, so a root process lends its server to an unprivileged
//! user: the owner of the cluster where there is one, else `postgres`, else `nobody`.

use std::{
    fs, io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use crate::{Error, error::Doing};

/// The user whom the server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The same as this process, which is not root.
    Same,
    /// This process is root and lends the server to this user.
    Lent { name: String, uid: u32, gid: u32 },
}

impl Identity {
    /// Decides for a cluster that is, or will be, in `cluster`.
    pub(crate) fn choose(cluster: &Path) -> Result<Self, Error> {
        let uid = rustix::process::geteuid().as_raw();
        let owner = match fs::metadata(cluster) {
            Ok(metadata) => Some((metadata.uid(), metadata.gid())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(source).doing(|| format!("look at {}", cluster.display())),
        };
        match owner {
            Some((owner, _)) if uid != 0 && owner != uid => {
                Err(Error::OtherOwner { directory: cluster.to_owned(), owner, uid })
            }
            _ if uid != 0 => Ok(Self::Same),
            Some((owner, group)) if owner != 0 => Ok(user_by_uid(owner)?.unwrap_or(Self::Lent {
                name: format!("uid {owner}"),
                uid: owner,
                gid: group,
            })),
            _ => user_by_name("postgres")?
                .map_or_else(|| user_by_name("nobody"), |user| Ok(Some(user)))?
                .ok_or(Error::NoServiceUser),
        }
    }

    /// Makes `command` run as this user, with no other group than its own.
    pub(crate) fn apply(&self, command: &mut Command) {
        if let Self::Lent { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
    }

    /// Gives a file or directory to this user.
    pub(crate) fn give(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Same => Ok(()),
            Self::Lent { name, uid, gid } => std::os::unix::fs::chown(path, Some(*uid), Some(*gid))
                .doing(|| format!("give {} to user `{name}`", path.display())),
        }
    }

    /// Whether this user can enter `directory`. It is tried rather than computed: mode bits are not all there is.
    pub(crate) fn can_enter(&self, directory: &Path) -> Result<bool, Error> {
        if *self == Self::Same {
            return Ok(true);
        }
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cd -- \"$1\"", "sh"]).arg(directory).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut command);
        let status = command.status().doing(|| format!("run a program as {}", self.name()))?;
        Ok(status.success())
    }

    /// For messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Same => "this user",
            Self::Lent { name, .. } => name,
        }
    }
}

fn user_by_name(wanted: &str) -> Result<Option<Identity>, Error> {
    find_user(|name, _| name == wanted)
}

fn user_by_uid(wanted: u32) -> Result<Option<Identity>, Error> {
    find_user(|_, uid| uid == wanted)
}

/// The first entry of `/etc/passwd` that `is_wanted` accepts, root excepted.
fn find_user(is_wanted: impl Fn(&str, u32) -> bool) -> Result<Option<Identity>, Error> {
    let passwd = fs::read_to_string("/etc/passwd").doing(|| "read /etc/passwd".to_owned())?;
    Ok(passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0 && is_wanted(name, uid)).then(|| Identity::Lent { name: name.to_owned(), uid, gid })
    }))
}
