//! Topics and what matches them.
//!
//! A topic is a path of segments, `rooms/7/typing`. In a pattern `*` stands for one segment, and `**` at the end for any number
//! of them, none included.

/// Bytes of the longest topic.
pub const MAX_TOPIC_BYTES: usize = 1024;

/// Whether `topic` can be published to: 1 to [`MAX_TOPIC_BYTES`] bytes, no `*` as a segment.
pub fn is_topic(topic: &str) -> bool {
    (1..=MAX_TOPIC_BYTES).contains(&topic.len()) && topic.split('/').all(|segment| !is_wild(segment))
}

fn is_wild(segment: &str) -> bool {
    matches!(segment, "*" | "**")
}

/// What a subscriber follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Box<str>,
    wild: bool,
}

impl Pattern {
    /// `None` for a pattern that is empty, longer than a topic may be, or has `**` before its end.
    pub fn new(text: &str) -> Option<Self> {
        let well = (1..=MAX_TOPIC_BYTES).contains(&text.len())
            && !text.rsplit('/').skip(1).any(|segment| segment == "**");
        well.then(|| Self { text: text.into(), wild: text.split('/').any(is_wild) })
    }

    /// The pattern as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The one topic that it matches, where it is one.
    pub fn exact(&self) -> Option<&str> {
        (!self.wild).then_some(&*self.text)
    }

    /// Whether `topic` matches.
    pub fn matches(&self, topic: &str) -> bool {
        if !self.wild {
            return *self.text == *topic;
        }
        let mut segments = topic.split('/');
        for wanted in self.text.split('/') {
            if wanted == "**" {
                return true;
            }
            match segments.next() {
                Some(segment) if wanted == "*" || wanted == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}
