//! Files: from a request's path to an open file and the plan of its answer.

use super::engine::SendFile;
use super::variants::{CompressOptions, Job, Key};
use crate::codec::http_files::{
    Coding, Conditions, Dotfiles, FileFacts, Plan, Policy, Refusal, Validators, choose, content_type,
    file_path, is_compressible, plan, plan_encoded, redirect, refuse,
};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What becomes of symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symlinks {
    /// Followed where they stay within the directory.
    Inside,
    /// Followed wherever they lead.
    Follow,
    /// Not followed.
    Deny,
}

/// How the files of a directory are served.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// Names that begin with a dot.
    pub dotfiles: Dotfiles,
    /// Symbolic links.
    pub symlinks: Symlinks,
    /// What a directory is answered with: the first of these that is there.
    pub index: Vec<String>,
    /// Tried, without a dot, where a file without extension is not there.
    pub extensions: Vec<String>,
    /// Encoded files beside the plain ones that are offered, the best first.
    pub precompressed: Vec<Coding>,
    /// Text is compressed while it is sent.
    pub compress: Option<CompressOptions>,
    /// A directory without a slash is sent on to the one with it.
    pub redirect: bool,
    /// What is not there is JavaScript's to answer.
    pub fallthrough: bool,
    /// Fields, validators and ranges.
    pub policy: Policy,
}

/// A directory that is served under a prefix.
#[derive(Debug)]
pub struct Mount {
    prefix: String,
    directory: PathBuf,
    root: OwnedFd,
    options: FileOptions,
}

/// What a request for a file comes to.
pub(super) enum Answer {
    /// This answer; with the file that it speaks of.
    Plan(Plan, Option<OwnedFd>),
    /// This one, with the file compressed.
    Compressed(Plan, Job),
    /// JavaScript is to answer.
    Pass,
}

/// What a path is.
enum Found {
    File(OwnedFd, rustix::fs::Stat),
    Directory,
    Nothing,
}

impl Mount {
    /// Serves `directory` under `prefix`, which begins and ends with a slash.
    ///
    /// # Errors
    /// The system's: it is not there, or no directory.
    pub fn open(prefix: String, directory: &Path, options: FileOptions) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(directory, flags, Mode::empty())?;
        let directory = std::fs::canonicalize(directory)?;
        Ok(Self { prefix, directory, root, options })
    }

    /// Bytes of the prefix.
    pub(super) fn prefix_bytes(&self) -> usize {
        self.prefix.len()
    }

    /// The rest of `target` where it lies under the prefix.
    pub(super) fn path_of<'a>(&self, target: &'a [u8]) -> Option<&'a [u8]> {
        let prefix = self.prefix.as_bytes();
        let path = &target[..memchr::memchr2(b'?', b'#', target).unwrap_or(target.len())];
        if path.starts_with(prefix) {
            return Some(&path[prefix.len() - 1..]);
        }
        // The directory itself, without its slash.
        (path == &prefix[..prefix.len() - 1]).then_some(b"")
    }

    /// Answers a request for `raw`, the rest of its target; `target` is all of it. Who cannot wait for a file to be
    /// compressed gets it as it is.
    pub(super) fn answer(
        &self,
        target: &[u8],
        raw: &[u8],
        conditions: &Conditions<'_>,
        accept: Option<&[u8]>,
        may_compress: bool,
        boundary: u64,
    ) -> Answer {
        let pass =
            || if self.options.fallthrough { Answer::Pass } else { Answer::Plan(refuse(404, ""), None) };
        let path = match file_path(raw, self.options.dotfiles) {
            Ok(path) => path,
            Err(Refusal::Malformed) => return Answer::Plan(refuse(400, ""), None),
            Err(Refusal::Forbidden) => return Answer::Plan(refuse(403, ""), None),
            Err(Refusal::Hidden) => return pass(),
        };
        let wants_directory = path.is_empty() || path.ends_with('/');
        let (name, file, stat) = match self.look(&path) {
            Ok(Found::File(file, stat)) if !wants_directory => (path, file, stat),
            Ok(Found::File(..)) => return pass(),
            Ok(Found::Directory) if !wants_directory || raw.is_empty() => {
                return if self.options.redirect { Answer::Plan(self.send_on(target), None) } else { pass() };
            }
            Ok(Found::Directory) => match self.index(&path) {
                Some(found) => found,
                None => return pass(),
            },
            Ok(Found::Nothing) => match self.with_extension(&path, wants_directory) {
                Some(found) => found,
                None => return pass(),
            },
            Err(error) => return failure(error, pass),
        };
        let (file, stat, coding) = self.best(&name, file, stat, accept);
        let facts = facts(&stat, content_type(&name), coding);
        if may_compress
            && coding.is_none()
            && let Some(options) = &self.options.compress
            && let Some(coding) = compresses(options, &self.options.policy, &facts, conditions, accept)
        {
            return compressed(options, &self.options.policy, coding, facts, file, &stat, conditions);
        }
        let answer = plan(conditions, &facts, &self.options.policy, SystemTime::now(), boundary);
        Answer::Plan(answer, Some(file))
    }

    fn send_on(&self, target: &[u8]) -> Plan {
        let cut = memchr::memchr(b'?', target).unwrap_or(target.len());
        let (path, query) =
            (String::from_utf8_lossy(&target[..cut]), String::from_utf8_lossy(&target[cut..]));
        redirect(&format!("{path}/{query}"))
    }

    fn index(&self, directory: &str) -> Option<(String, OwnedFd, rustix::fs::Stat)> {
        self.first(self.options.index.iter().map(|name| format!("{directory}{name}")))
    }

    fn with_extension(&self, path: &str, directory: bool) -> Option<(String, OwnedFd, rustix::fs::Stat)> {
        let last = path.rsplit('/').next().unwrap_or_default();
        if directory || last.contains('.') {
            return None;
        }
        self.first(self.options.extensions.iter().map(|extension| format!("{path}.{extension}")))
    }

    fn first(&self, names: impl Iterator<Item = String>) -> Option<(String, OwnedFd, rustix::fs::Stat)> {
        for name in names {
            if let Ok(Found::File(file, stat)) = self.look(&name) {
                return Some((name, file, stat));
            }
        }
        None
    }

    /// The encoded file that the peer likes best, or the plain one.
    fn best(
        &self,
        name: &str,
        file: OwnedFd,
        stat: rustix::fs::Stat,
        accept: Option<&[u8]>,
    ) -> (OwnedFd, rustix::fs::Stat, Option<Coding>) {
        for coding in choose(accept, &self.options.precompressed) {
            let Some(coding) = coding else { break };
            if let Ok(Found::File(file, stat)) = self.look(&format!("{name}{}", coding.extension())) {
                return (file, stat, Some(coding));
            }
        }
        (file, stat, None)
    }

    fn look(&self, path: &str) -> Result<Found, Errno> {
        let path = if path.is_empty() { "." } else { path.trim_end_matches('/') };
        let resolve = match self.options.symlinks {
            Symlinks::Inside => ResolveFlags::BENEATH,
            Symlinks::Follow => ResolveFlags::empty(),
            Symlinks::Deny => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        };
        // A FIFO that nobody writes to would be waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = match rustix::fs::openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => return Ok(Found::Nothing),
            // Before Linux 5.6, and in sandboxes that do not know it.
            Err(Errno::NOSYS | Errno::PERM) => match self.open_by_name(path, flags)? {
                Some(file) => file,
                None => return Ok(Found::Nothing),
            },
            Err(error) => return Err(error),
        };
        let stat = rustix::fs::fstat(&file)?;
        Ok(match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::RegularFile => Found::File(file, stat),
            rustix::fs::FileType::Directory => Found::Directory,
            _ => Found::Nothing,
        })
    }

    fn open_by_name(&self, path: &str, flags: OFlags) -> Result<Option<OwnedFd>, Errno> {
        let Ok(real) = std::fs::canonicalize(self.directory.join(path)) else { return Ok(None) };
        let allowed = match self.options.symlinks {
            Symlinks::Follow => true,
            Symlinks::Inside => real.starts_with(&self.directory),
            Symlinks::Deny => real == self.directory.join(path),
        };
        if !allowed {
            return Err(Errno::XDEV);
        }
        rustix::fs::open(&real, flags | OFlags::NOFOLLOW, Mode::empty()).map(Some)
    }
}

/// How the file is to be compressed for this peer, where it is. A range is one of the file as it is.
fn compresses(
    options: &CompressOptions,
    policy: &Policy,
    file: &FileFacts,
    conditions: &Conditions<'_>,
    accept: Option<&[u8]>,
) -> Option<Coding> {
    let fits = (options.least_bytes..=options.most_bytes).contains(&file.bytes)
        && is_compressible(&file.content_type)
        && !(policy.accept_ranges && conditions.range.is_some());
    if fits { choose(accept, &options.codings).first().copied().flatten() } else { None }
}

fn compressed(
    options: &CompressOptions,
    policy: &Policy,
    coding: Coding,
    file: FileFacts,
    descriptor: OwnedFd,
    stat: &rustix::fs::Stat,
    conditions: &Conditions<'_>,
) -> Answer {
    let file = FileFacts { coding: Some(coding), ..file };
    let now = SystemTime::now();
    let answer = plan_encoded(conditions, &file, policy, now);
    if answer.status != 200 {
        return Answer::Plan(answer, None);
    }
    let key = Key {
        device: stat.st_dev,
        inode: stat.st_ino,
        bytes: file.bytes,
        modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
        coding,
        effort: options.effort,
    };
    // One that may change again unseen has a weak tag, and is not kept.
    let keep = !Validators::new(file.inode, file.bytes, file.modified, "", now).weak;
    Answer::Compressed(answer, Job { key, file: descriptor, keep, cache_bytes: options.cache_bytes })
}

/// A file that JavaScript names.
///
/// # Errors
/// The system's; `EISDIR` for what is no file.
pub(super) fn open_file(send: &SendFile<'_>, may_compress: bool, boundary: u64) -> io::Result<Answer> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = rustix::fs::open(send.path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(Errno::ISDIR.into());
    }
    let kind = send.content_type.clone().unwrap_or_else(|| content_type(&send.path.to_string_lossy()));
    let facts = facts(&stat, kind, None);
    if may_compress
        && let Some(options) = &send.compress
        && let Some(coding) = compresses(options, &send.policy, &facts, &send.conditions, send.accept)
    {
        return Ok(compressed(options, &send.policy, coding, facts, file, &stat, &send.conditions));
    }
    let answer = plan(&send.conditions, &facts, &send.policy, SystemTime::now(), boundary);
    Ok(Answer::Plan(answer, Some(file)))
}

fn facts(stat: &rustix::fs::Stat, content_type: String, coding: Option<Coding>) -> FileFacts {
    let age = Duration::new(stat.st_mtime.max(0) as u64, stat.st_mtime_nsec as u32);
    FileFacts {
        bytes: stat.st_size as u64,
        inode: stat.st_ino,
        modified: SystemTime::UNIX_EPOCH + age,
        content_type,
        coding,
    }
}

fn failure(error: Errno, pass: impl Fn() -> Answer) -> Answer {
    match error {
        // A link that leads outside, or in circles: as good as not there.
        Errno::XDEV | Errno::LOOP => pass(),
        Errno::ACCESS => Answer::Plan(refuse(403, ""), None),
        _ => Answer::Plan(refuse(500, ""), None),
    }
}
