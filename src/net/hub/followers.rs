//! The members of a fan-out, and what they follow.

use super::{Event, Pattern};
use std::collections::HashMap;
use std::sync::Arc;

/// Scopes of events that a member may see beside those for all.
pub(super) type Scopes = Option<Arc<[Box<str>]>>;

struct Follower {
    member: u32,
    /// Which of the member's follows this is.
    follow: u32,
    /// What came up to here was replayed, or was before its time.
    from: u64,
    scopes: Scopes,
}

struct Topic {
    pattern: Pattern,
    followers: Vec<Follower>,
}

/// A topic, and the follower's place in it.
#[derive(Clone, Copy)]
struct Follow {
    topic: u32,
    place: u32,
}

/// Who follows what: both ways, so that neither an event nor a member's end looks at more than it concerns.
#[derive(Default)]
pub(super) struct Followers {
    topics: Vec<Option<Topic>>,
    free: Vec<u32>,
    exact: HashMap<Box<str>, u32>,
    wild: Vec<u32>,
    members: HashMap<u32, Vec<Follow>>,
}

pub(super) fn may_see(event: &Event, scopes: &Scopes) -> bool {
    event.scope().is_none_or(|scope| scopes.iter().flat_map(|own| own.iter()).any(|own| **own == *scope))
}

impl Followers {
    /// Members that follow anything.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn members(&self) -> Vec<u32> {
        self.members.keys().copied().collect()
    }

    /// Patterns that `member` follows, in the order in which it began.
    pub fn followed(&self, member: u32) -> Vec<String> {
        let follows = self.members.get(&member).into_iter().flatten();
        follows
            .filter_map(|follow| self.topic(follow.topic))
            .map(|topic| topic.pattern.text().into())
            .collect()
    }

    fn topic(&self, index: u32) -> Option<&Topic> {
        self.topics.get(index as usize)?.as_ref()
    }

    /// Members that are to get `event`, each once, and not `except`.
    pub fn choose(&self, event: &Event, except: Option<u32>, chosen: &mut Vec<u32>) {
        chosen.clear();
        let exact = self.exact.get(event.topic());
        let wild = self.wild.iter();
        let matching = wild
            .filter(|&&index| self.topic(index).is_some_and(|topic| topic.pattern.matches(event.topic())));
        let mut topics = 0;
        for &index in exact.into_iter().chain(matching) {
            let Some(topic) = self.topic(index) else { continue };
            topics += 1;
            chosen.extend(
                topic
                    .followers
                    .iter()
                    .filter(|follower| event.offset() > follower.from && may_see(event, &follower.scopes))
                    .map(|follower| follower.member)
                    .filter(|&member| Some(member) != except),
            );
        }
        if topics > 1 {
            chosen.sort_unstable();
            chosen.dedup();
        }
    }

    /// Returns the patterns that were followed already.
    pub fn follow(
        &mut self,
        member: u32,
        patterns: &[Pattern],
        scopes: &Scopes,
        from: u64,
        replays: bool,
    ) -> Vec<Pattern> {
        let mut again = Vec::new();
        for pattern in patterns {
            let index = self.index(pattern);
            let follows = self.members.entry(member).or_default();
            let Some(topic) = self.topics.get_mut(index as usize).and_then(Option::as_mut) else { continue };
            if let Some(before) = follows.iter().find(|follow| follow.topic == index) {
                let follower = &mut topic.followers[before.place as usize];
                // Without a replay, what waits in the mailbox is still to come.
                if replays {
                    follower.from = from;
                }
                follower.scopes.clone_from(scopes);
                again.push(pattern.clone());
                continue;
            }
            let (place, follow) = (topic.followers.len() as u32, follows.len() as u32);
            follows.push(Follow { topic: index, place });
            topic.followers.push(Follower { member, follow, from, scopes: scopes.clone() });
        }
        again
    }

    /// Returns the patterns that were followed and are not any more.
    pub fn unfollow(&mut self, member: u32, patterns: Option<&[Pattern]>) -> Vec<Pattern> {
        let Some(follows) = self.members.get(&member) else { return Vec::new() };
        let left: Vec<(Follow, Pattern)> = follows
            .iter()
            .filter_map(|&follow| Some((follow, self.topic(follow.topic)?.pattern.clone())))
            .filter(|(_, pattern)| patterns.is_none_or(|some| some.contains(pattern)))
            .collect();
        for &(Follow { topic, .. }, _) in &left {
            self.unfollow_one(member, topic);
        }
        left.into_iter().map(|(_, pattern)| pattern).collect()
    }

    fn unfollow_one(&mut self, member: u32, index: u32) {
        let Some(follows) = self.members.get_mut(&member) else { return };
        let Some(at) = follows.iter().position(|follow| follow.topic == index) else { return };
        let Follow { place, .. } = follows.remove(at);
        let later: Vec<Follow> = follows[at..].to_vec();
        if follows.is_empty() {
            self.members.remove(&member);
        }
        // Those behind it moved up by one.
        for (number, follow) in (at as u32..).zip(later) {
            if let Some(topic) = self.topics.get_mut(follow.topic as usize).and_then(Option::as_mut) {
                topic.followers[follow.place as usize].follow = number;
            }
        }
        let Some(topic) = self.topics.get_mut(index as usize).and_then(Option::as_mut) else { return };
        topic.followers.swap_remove(place as usize);
        if let Some(moved) = topic.followers.get(place as usize)
            && let Some(follows) = self.members.get_mut(&moved.member)
        {
            follows[moved.follow as usize].place = place;
        }
        if topic.followers.is_empty() {
            match topic.pattern.exact() {
                Some(name) => drop(self.exact.remove(name)),
                None => self.wild.retain(|&other| other != index),
            }
            self.topics[index as usize] = None;
            self.free.push(index);
        }
    }

    fn index(&mut self, pattern: &Pattern) -> u32 {
        let known = match pattern.exact() {
            Some(name) => self.exact.get(name).copied(),
            None => self
                .wild
                .iter()
                .copied()
                .find(|&index| self.topic(index).is_some_and(|topic| topic.pattern == *pattern)),
        };
        known.unwrap_or_else(|| {
            let topic = Some(Topic { pattern: pattern.clone(), followers: Vec::new() });
            let index = match self.free.pop() {
                Some(index) => {
                    self.topics[index as usize] = topic;
                    index
                }
                None => {
                    self.topics.push(topic);
                    (self.topics.len() - 1) as u32
                }
            };
            match pattern.exact() {
                Some(name) => drop(self.exact.insert(name.into(), index)),
                None => self.wild.push(index),
            }
            index
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::hub::{Hub, HubOptions, NewEvent};
    use std::collections::BTreeMap;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).expect("a pattern")
    }

    fn event(hub: &Hub, topic: &str, scope: Option<&str>) -> Arc<Event> {
        let scope = scope.map(Into::into);
        let (name, key, data) = (None, None, b"x".to_vec());
        hub.publish(NewEvent { topic: topic.into(), name, key, scope, data, text: true, origin: None }, 0)
    }

    #[test]
    fn members_come_and_go_as_in_a_plain_list() {
        let hub = Hub::new(1, HubOptions::default());
        let patterns = ["a", "b", "a/*", "**", "a/b"].map(pattern);
        let topics = ["a", "b", "a/b", "a/c", "c"];
        let mut followers = Followers::default();
        let mut plain: BTreeMap<u32, Vec<Pattern>> = BTreeMap::new();
        let mut seed = 1_u32;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            (seed >> 8) % below
        };
        for _ in 0..5000 {
            let member = random(20);
            let some = &patterns[random(5) as usize..][..1];
            let own = plain.entry(member).or_default();
            match random(5) {
                0 => {
                    let mut left = followers.unfollow(member, None);
                    assert_eq!(left, std::mem::take(own));
                    left.clear();
                }
                1 | 2 => {
                    let left = followers.unfollow(member, Some(some));
                    assert_eq!(left.len(), usize::from(own.contains(&some[0])));
                    own.retain(|one| *one != some[0]);
                }
                _ => {
                    let again = followers.follow(member, some, &None, 0, false);
                    assert_eq!(again.len(), usize::from(own.contains(&some[0])));
                    if again.is_empty() {
                        own.push(some[0].clone());
                    }
                }
            }
            let texts: Vec<_> = plain[&member].iter().map(|one| one.text().to_owned()).collect();
            assert_eq!(followers.followed(member), texts);
            let event = event(&hub, topics[random(5) as usize], None);
            let mut chosen = Vec::new();
            followers.choose(&event, Some(3), &mut chosen);
            chosen.sort_unstable();
            let matches = |patterns: &Vec<Pattern>| patterns.iter().any(|one| one.matches(event.topic()));
            let expected = plain.iter().filter(|(member, own)| **member != 3 && matches(own));
            assert_eq!(chosen, expected.map(|(member, _)| *member).collect::<Vec<_>>());
        }
        let all = followers.members();
        all.into_iter().for_each(|member| drop(followers.unfollow(member, None)));
        assert_eq!(followers.len(), 0);
        assert!(followers.exact.is_empty() && followers.wild.is_empty());
        assert!(followers.topics.iter().all(Option::is_none));
    }

    #[test]
    fn scopes_and_what_was_before_their_time_are_kept_from_members() {
        let hub = Hub::new(1, HubOptions::default());
        let mut followers = Followers::default();
        followers.follow(1, &[pattern("t")], &None, 2, false);
        followers.follow(2, &[pattern("t")], &Some(Arc::from(vec![Box::from("staff")])), 0, false);
        let mut chosen = Vec::new();
        let mut who = |topic, scope| {
            followers.choose(&event(&hub, topic, scope), None, &mut chosen);
            chosen.clone()
        };
        assert_eq!(who("t", None), [2], "the first event is before the time of one");
        assert_eq!(who("t", Some("staff")), [2]);
        assert_eq!(who("t", Some("staff")), [2]);
        assert!(who("t", Some("others")).is_empty());
        assert_eq!(who("t", None), [1, 2]);
        assert!(who("u", None).is_empty());
    }
}
