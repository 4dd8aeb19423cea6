//! Files that take their name only when they are whole: `createWriteStream(path, { atomic: true })`.
//!
//! On Linux the bytes go into a file without a name (`O_TMPFILE`), so that not even a process that is killed leaves
//! anything behind. Where the file system has none of that, they go into `.<name>.millrace-<random>` beside the target,
//! which is removed when the stream fails, is destroyed or is dropped at the exit of the process.

use super::open::open_with;
use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// As many as open(2) follows.
const LINKS_MOST: usize = 40;
/// Bytes of a name on nearly all file systems.
const NAME_MOST: usize = 255;
/// Names that are tried before it is believed that all are taken.
const TRIES: usize = 16;

/// "Fail where it exists", in the flags of `open(2)` or of the CRT.
const EXCLUSIVE: i32 = if cfg!(unix) { libc::O_EXCL } else { 0x400 };
const CREATE: i32 = if cfg!(unix) { libc::O_CREAT } else { 0x100 };
const TRUNCATE: i32 = if cfg!(unix) { libc::O_TRUNC } else { 0x200 };

/// A file that is being written and is to have the name `target`.
pub(super) struct Aside {
    target: PathBuf,
    /// Its name until then; `None` where it has none.
    name: Option<PathBuf>,
    /// Fails where the target exists.
    exclusive: bool,
}

/// A step towards the target's name that failed.
#[derive(Debug)]
pub(super) struct Refusal {
    pub error: io::Error,
    pub syscall: &'static str,
    pub path: PathBuf,
    pub dest: Option<PathBuf>,
}

/// Opens a file to be written aside; `None` where `path` is something that cannot be replaced (a FIFO, a device) and is to be
/// opened itself.
///
/// # Errors
/// What `open(2)` of the path would say: `EEXIST`, `EISDIR`, `EACCES`.
pub(super) fn open_aside(path: &Path, flags: i32, mode: u32) -> io::Result<Option<(File, Aside)>> {
    let exclusive = flags & EXCLUSIVE != 0;
    if exclusive && std::fs::symlink_metadata(path).is_ok() {
        return Err(number(ErrorKind::AlreadyExists));
    }
    let found = match std::fs::metadata(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = match &found {
        Some(found) if found.is_dir() => return Err(number(ErrorKind::IsADirectory)),
        Some(found) if !found.is_file() => return Ok(None),
        Some(found) => {
            let Some(target) = real_name(path, found) else { return Ok(None) };
            may_write(&target)?;
            target
        }
        None => follow(path)?,
    };
    let (file, name) = create(&target, flags, mode)?;
    let aside = Aside { target, name, exclusive };
    if let Some(found) = &found {
        keep(&file, found)?;
    }
    Ok(Some((file, aside)))
}

impl Aside {
    /// Gives the file its name, in place of one of that name unless it is exclusive.
    pub(super) fn show(&mut self, file: File) -> Result<(), Refusal> {
        if self.name.is_none() {
            self.name_it(&file)?;
        }
        // Before the name is taken: a close that fails tells of bytes that are lost.
        super::open::close(file).map_err(|error| self.refused(error, "close"))?;
        let Some(name) = self.name.clone() else { return Ok(()) };
        if self.exclusive {
            // Unlike rename(2), link(2) fails where the name was taken meanwhile.
            std::fs::hard_link(&name, &self.target).map_err(|error| self.refused(error, "link"))?;
            self.remove();
            return Ok(());
        }
        std::fs::rename(&name, &self.target).map_err(|error| Refusal {
            error,
            syscall: "rename",
            path: name,
            dest: Some(self.target.clone()),
        })?;
        self.name = None;
        Ok(())
    }

    /// Makes the new name durable, too.
    pub(super) fn flush_folder(&self) -> Result<(), Refusal> {
        #[cfg(unix)]
        {
            let folder = folder(&self.target);
            let synced = File::open(&folder).and_then(|folder| folder.sync_all());
            match synced {
                // Not every file system can: theirs is the promise, then.
                Err(error) if error.kind() != ErrorKind::InvalidInput => {
                    Err(Refusal { error, syscall: "fsync", path: folder, dest: None })
                }
                _ => Ok(()),
            }
        }
        #[cfg(not(unix))]
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn name_it(&mut self, file: &File) -> Result<(), Refusal> {
        let source = own_path(file);
        for _ in 0..TRIES {
            // A name that is to be new can be the last one at once.
            let name = if self.exclusive { self.target.clone() } else { beside(&self.target) };
            use rustix::fs::{AtFlags, CWD, linkat};
            match linkat(CWD, &source, CWD, &name, AtFlags::SYMLINK_FOLLOW) {
                Ok(()) => {
                    self.name = (!self.exclusive).then_some(name);
                    return Ok(());
                }
                Err(rustix::io::Errno::EXIST) if !self.exclusive => {}
                Err(error) => return Err(self.refused(error.into(), "link")),
            }
        }
        Err(self.refused(number(ErrorKind::AlreadyExists), "link"))
    }

    #[cfg(not(target_os = "linux"))]
    fn name_it(&mut self, _file: &File) -> Result<(), Refusal> {
        Ok(())
    }

    fn refused(&self, error: io::Error, syscall: &'static str) -> Refusal {
        Refusal { error, syscall, path: self.target.clone(), dest: None }
    }

    fn remove(&mut self) {
        if let Some(name) = self.name.take() {
            let _ = std::fs::remove_file(name);
        }
    }
}

impl Drop for Aside {
    /// Not shown: the old file, if any, stays as it was.
    fn drop(&mut self) {
        self.remove();
    }
}

fn create(target: &Path, flags: i32, mode: u32) -> io::Result<(File, Option<PathBuf>)> {
    let flags = flags & !(CREATE | TRUNCATE | EXCLUSIVE);
    #[cfg(target_os = "linux")]
    match open_with(&folder(target), flags | libc::O_TMPFILE, mode) {
        // Only through /proc can it get a name later.
        Ok(file) if own_path(&file).exists() => return Ok((file, None)),
        Ok(_) => {}
        // File systems and kernels without it say one of these; others are true of a named file as well.
        Err(error)
            if matches!(
                error.raw_os_error(),
                Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL | libc::ENOENT)
            ) => {}
        Err(error) => return Err(error),
    }
    for _ in 0..TRIES {
        let name = beside(target);
        match open_with(&name, flags | CREATE | EXCLUSIVE, mode) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (file, Some(name))),
        }
    }
    Err(number(ErrorKind::AlreadyExists))
}

/// The path by which a file without a name is reached.
#[cfg(target_os = "linux")]
fn own_path(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Where links lead, the last of which may lead to nothing yet: open(2) would create that.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..LINKS_MOST {
        match std::fs::read_link(&target) {
            Ok(next) => target = folder(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::from_raw_os_error(if cfg!(unix) { libc::ELOOP } else { 1921 }))
}

/// The name of the file that `path` leads to; `None` where it has none any more (`/proc/self/fd/3` of a removed file).
fn real_name(path: &Path, found: &Metadata) -> Option<PathBuf> {
    let name = std::fs::canonicalize(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let named = std::fs::symlink_metadata(&name).ok()?;
        if (named.dev(), named.ino()) != (found.dev(), found.ino()) {
            return None;
        }
    }
    let _ = found;
    Some(name)
}

/// Refuses what open(2) would refuse: to replace a file needs only leave to change its folder.
fn may_write(target: &Path) -> io::Result<()> {
    #[cfg(unix)]
    rustix::fs::accessat(
        rustix::fs::CWD,
        target,
        rustix::fs::Access::WRITE_OK,
        rustix::fs::AtFlags::EACCESS,
    )?;
    let _ = target;
    Ok(())
}

/// Gives the new file the owner (where that is permitted) and the permissions of the one that it will replace.
fn keep(file: &File, found: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Only root may give files away; a group of one's own may be kept without the owner.
        let (user, group) = (Some(found.uid()), Some(found.gid()));
        let _ = fchown(file, user, group).or_else(|_| fchown(file, None, group));
    }
    // After the owner, whose change clears set-user-ID.
    file.set_permissions(found.permissions())
}

fn folder(target: &Path) -> PathBuf {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// A name beside the target, on the same file system, that nobody can foretell.
fn beside(target: &Path) -> PathBuf {
    // Each state of it is seeded at random.
    let ending = format!(".millrace-{:08x}", RandomState::new().build_hasher().finish() as u32);
    let mut name = OsString::from(".");
    let own = target.file_name().unwrap_or_default();
    if own.len() + 1 + ending.len() <= NAME_MOST {
        name.push(own);
    } else {
        name.push("long-name");
    }
    name.push(ending);
    target.with_file_name(name)
}

/// An error with the number that the system gives it, which Node's errors are made from.
fn number(kind: ErrorKind) -> io::Error {
    #[cfg(unix)]
    {
        io::Error::from_raw_os_error(match kind {
            ErrorKind::AlreadyExists => libc::EEXIST,
            ErrorKind::IsADirectory => libc::EISDIR,
            _ => libc::EIO,
        })
    }
    #[cfg(not(unix))]
    io::Error::from(kind)
}
