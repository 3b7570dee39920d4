//! Listening sockets in the file system.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// A listening socket in the file system could not be had.
#[derive(Debug, thiserror::Error)]
pub enum UnixBindError {
    /// Somebody listens there.
    #[error("socket {} is in use by another process", path.display())]
    InUse {
        /// The path that was wanted.
        path: PathBuf,
    },
    /// There is something else, which is not ours to remove.
    #[error("{} is there already and is no socket: remove it, or name another path", path.display())]
    NotASocket {
        /// The path that was wanted.
        path: PathBuf,
    },
    /// The operating system does not give it.
    #[error("cannot listen on {}: {step}: {cause}", path.display())]
    Refused {
        /// The path that was wanted.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// What the operating system says.
        cause: io::Error,
    },
}

/// Whose a socket file is; `None` leaves the user or the group as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The number of the user.
    pub user: Option<u32>,
    /// The number of the group.
    pub group: Option<u32>,
}

/// Listens on a path, for those whom the mode of its file lets connect. A socket file at which nobody
/// listens is replaced.
///
/// # Errors
///
/// [`UnixBindError`] naming the path.
pub fn bind_unix(
    path: &Path,
    mode: u32,
    owner: Owner,
    backlog: u32,
) -> Result<UnixListener, UnixBindError> {
    remove_stale(path)?;
    let refused = |step| refused(path, step);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(refused("socket"))?;
    socket.set_nonblocking(true).map_err(refused("socket"))?;
    let address = SockAddr::unix(path).map_err(refused("path"))?;
    socket.bind(&address).map_err(refused("bind"))?;
    let given = give_to(path, mode, owner).map_err(refused("mode and owner"));
    // Nobody can connect before this, so nobody does while the file has the mode of the umask.
    let listening = given.and_then(|()| {
        socket
            .listen(i32::try_from(backlog).unwrap_or(i32::MAX))
            .map_err(refused("listen"))
    });
    if let Err(error) = listening {
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(socket.into())
}

fn refused(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> UnixBindError {
    move |cause| UnixBindError::Refused {
        path: path.to_owned(),
        step,
        cause,
    }
}

fn give_to(path: &Path, mode: u32, owner: Owner) -> io::Result<()> {
    if owner != Owner::default() {
        chown(path, owner.user, owner.group)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Removes a socket file that a former process has left.
fn remove_stale(path: &Path) -> Result<(), UnixBindError> {
    let refused = |step| refused(path, step);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused("look for a former socket")(error)),
        Ok(found) if !found.file_type().is_socket() => {
            let path = path.to_owned();
            return Err(UnixBindError::NotASocket { path });
        }
        Ok(_) => {}
    }
    match knock(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(refused("remove the former socket"))
        }
        // Whoever has no room for one more connection listens too.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
            Err(refused("ask whether the former socket is in use")(error))
        }
        Ok(()) | Err(_) => Err(UnixBindError::InUse {
            path: path.to_owned(),
        }),
    }
}

/// Tries to connect, without waiting.
fn knock(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}
