use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use proptest::prelude::*;

use super::*;

fn new(topic: &str, data: &str) -> NewEvent {
    NewEvent {
        topic: topic.into(),
        name: None,
        key: None,
        scope: None,
        data: data.into(),
        text: true,
        origin: None,
    }
}

fn mailbox(bytes: usize, policy: SlowPolicy) -> Arc<Mailbox> {
    Mailbox::new(MailboxOptions { bytes, policy, scopes: None }, || {})
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text).expect(text)).collect()
}

fn texts(events: &[Arc<Event>]) -> Vec<String> {
    events.iter().map(|event| String::from_utf8_lossy(event.data()).into_owned()).collect()
}

fn missed(subscribed: Subscribed) -> Option<Vec<String>> {
    match subscribed.replay {
        Some(Replay::Missed(events)) => Some(texts(&events)),
        _ => None,
    }
}

fn at(offset: u64) -> Option<Cursor> {
    Some(Cursor { epoch: 7, offset })
}

#[test]
fn patterns_match_segments() {
    let cases: [(&str, &[&str], &[&str]); 6] = [
        ("a", &["a"], &["b", "a/b", "A"]),
        ("a/*", &["a/b", "a/"], &["a", "a/b/c", "b/a"]),
        ("*/b", &["a/b", "/b"], &["b", "a/b/c"]),
        ("a/**", &["a", "a/b", "a/b/c"], &["b", "ab"]),
        ("**", &["a", "a/b", "/"], &[]),
        ("a*", &["a*"], &["ab"]),
    ];
    for (pattern, yes, no) in cases {
        let pattern = Pattern::new(pattern).unwrap();
        assert!(yes.iter().all(|topic| pattern.matches(topic)), "{pattern:?}");
        assert!(!no.iter().any(|topic| pattern.matches(topic)), "{pattern:?}");
    }
    assert!(Pattern::new("").is_none() && Pattern::new("**/a").is_none());
    assert!(is_topic("a/b") && !is_topic("a/*") && !is_topic("") && !is_topic(&"x".repeat(1025)));
}

#[test]
fn a_subscriber_gets_its_topics_once_and_in_order() {
    let hub = Hub::new(7, HubOptions::default());
    let inbox = mailbox(1 << 20, SlowPolicy::DropOldest);
    let all = patterns(&["a", "a/**", "*", "b"]);
    hub.subscribe(&inbox, &all, None, 0);
    for topic in ["a", "b", "c/d", "a/b", "a"] {
        hub.publish(new(topic, topic), 0);
    }
    assert_eq!(texts(&inbox.take(usize::MAX)), ["a", "b", "a/b", "a"]);
    assert_eq!(hub.subscribers("a"), 3, "by three of its patterns");
    hub.unsubscribe(&inbox, &all);
    assert_eq!(hub.subscribers("a"), 0);
    hub.publish(new("a", "late"), 0);
    assert!(inbox.take(usize::MAX).is_empty());
}

#[test]
fn a_mailbox_that_is_gone_is_forgotten() {
    let hub = Hub::new(7, HubOptions::default());
    for pattern in ["a", "*"] {
        hub.subscribe(&mailbox(1, SlowPolicy::Close), &patterns(&[pattern]), None, 0);
    }
    assert_eq!(hub.subscribers("a"), 0);
    hub.publish(new("a", ""), 0);
    assert!(hub.state().subscribers.topics.is_empty() && hub.state().subscribers.wildcards.is_empty());
}

#[test]
fn a_cursor_gives_what_was_missed_or_says_that_it_is_too_old() {
    let options = HubOptions { history_count: 3, ..HubOptions::default() };
    let hub = Hub::new(7, options);
    let inbox = mailbox(1 << 20, SlowPolicy::DropOldest);
    for n in 1..=5 {
        hub.publish(new("a", &n.to_string()), 0);
    }
    hub.publish(new("b", "6"), 0);
    let since = |topics: &[&str], cursor| missed(hub.subscribe(&inbox, &patterns(topics), cursor, 0));
    assert_eq!(since(&["a"], at(2)), Some(vec!["3".into(), "4".into(), "5".into()]));
    assert_eq!(since(&["a"], at(1)), None);
    assert_eq!(since(&["a", "b"], at(4)), Some(vec!["5".into(), "6".into()]));
    assert_eq!(since(&["**"], at(3)), Some(vec!["4".into(), "5".into(), "6".into()]));
    assert_eq!(since(&["*"], at(1)), None);
    assert_eq!(since(&["b"], at(0)), Some(vec!["6".into()]));
    assert_eq!(since(&["c"], at(0)), Some(vec![]));
    assert_eq!(since(&["a"], at(6)), Some(vec![]));
    assert_eq!(since(&["a"], at(7)), None, "from the future");
    assert_eq!(since(&["a"], Some(Cursor { epoch: 8, offset: 5 })), None, "of another life");
    assert_eq!(hub.cursor(), Cursor { epoch: 7, offset: 6 });
}

#[test]
fn ids_are_cursors_and_nothing_else_is() {
    let hub = Hub::new(0xabc, HubOptions::default());
    let event = hub.publish(new("a", ""), 0);
    assert_eq!(Cursor::parse(&event.id()), Some(hub.cursor()));
    for text in ["", "-", "abc", "abc-", "abc-+1", "abc-01", "ABC-1", "abc-1 ", "abc-99999999999999999999"] {
        assert_eq!(Cursor::parse(text), None, "{text}");
    }
}

#[test]
fn histories_are_bounded_in_bytes_age_and_over_all_topics() {
    let one = Event::new(new("t-0000", "0123456789"), 7, 1, 0).cost();
    let options = HubOptions { total_bytes: 10 * one, history_age_ms: Some(100), ..HubOptions::default() };
    let hub = Hub::new(7, options);
    for n in 0..5000 {
        hub.publish(new(&format!("t-{n:04}"), "0123456789"), 0);
        assert!(hub.held().2 <= 10 * one);
    }
    assert_eq!(hub.held(), (10, 10, 10 * one));
    let inbox = mailbox(1 << 20, SlowPolicy::DropOldest);
    // A topic that was forgotten cannot vouch for what it had.
    assert_eq!(missed(hub.subscribe(&inbox, &patterns(&["t-0001"]), at(1), 0)), None);
    assert_eq!(missed(hub.subscribe(&inbox, &patterns(&["t-0001"]), at(4990), 0)), Some(vec![]));
    hub.publish(new("t-0001", "0123456789"), 100);
    assert_eq!(hub.held(), (1, 1, one));
    assert_eq!(missed(hub.subscribe(&inbox, &patterns(&["t-0001"]), at(1), 100)), None);
    assert_eq!(hub.latest("t-0001", 199).len(), 1);
    assert_eq!(hub.latest("t-0001", 200).len(), 0);
    // Nothing is kept of what is larger than a history.
    hub.publish(new("t-0001", &"x".repeat(2 << 20)), 201);
    assert_eq!(missed(hub.subscribe(&inbox, &patterns(&["t-0001"]), at(5001), 201)), None);
}

#[test]
fn the_latest_of_each_key_is_what_a_newcomer_needs() {
    let hub = Hub::new(7, HubOptions::default());
    for (key, data) in [("x", "1"), ("y", "2"), ("x", "3")] {
        hub.publish(NewEvent { key: Some(key.into()), ..new("a", data) }, 0);
    }
    assert_eq!(texts(&hub.latest("a", 0)), ["2", "3"]);
}

#[test]
fn scopes_hide_live_events_and_replayed_ones() {
    let hub = Hub::new(7, HubOptions::default());
    let options = |scopes: &[&str]| MailboxOptions {
        bytes: 1 << 20,
        policy: SlowPolicy::DropOldest,
        scopes: Some(scopes.iter().map(|&scope| scope.into()).collect()),
    };
    let publish = || {
        for (scope, data) in [(None, "all"), (Some("ann"), "ann's"), (Some("bob"), "bob's")] {
            hub.publish(NewEvent { scope: scope.map(Into::into), ..new("a", data) }, 0);
        }
    };
    publish();
    let ann = Mailbox::new(options(&["ann"]), || {});
    assert_eq!(missed(hub.subscribe(&ann, &patterns(&["a"]), at(0), 0)).unwrap(), ["all", "ann's"]);
    publish();
    assert_eq!(texts(&ann.take(usize::MAX)), ["all", "ann's"]);
}

#[test]
fn slow_subscribers_keep_their_bound_and_count_their_drops() {
    let cost = Event::new(NewEvent { key: Some("k".into()), ..new("a", "0") }, 7, 1, 0).cost();
    let run = |policy, keys: &[&str]| {
        let hub = Hub::new(7, HubOptions::default());
        let inbox = mailbox(3 * cost, policy);
        hub.subscribe(&inbox, &patterns(&["a"]), None, 0);
        for n in 0..8 {
            let key = Some(keys[n % keys.len()].into());
            hub.publish(NewEvent { key, ..new("a", &n.to_string()) }, 0);
            assert!(inbox.queued_bytes() <= 3 * cost);
        }
        (texts(&inbox.take(usize::MAX)).concat(), inbox.dropped(), inbox.is_closed())
    };
    assert_eq!(run(SlowPolicy::DropOldest, &["k"]), ("567".into(), 5, false));
    assert_eq!(run(SlowPolicy::DropNewest, &["k"]), ("012".into(), 5, false));
    assert_eq!(run(SlowPolicy::KeepLatest, &["k", "l"]), ("67".into(), 6, false));
    assert_eq!(run(SlowPolicy::KeepLatest, &["k", "l", "m", "n"]), ("567".into(), 5, false));
    assert_eq!(run(SlowPolicy::Close, &["k"]), (String::new(), 4, true));
}

#[test]
fn the_bell_rings_once_until_all_was_taken() {
    let rings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&rings);
    let options = MailboxOptions { bytes: 1 << 20, policy: SlowPolicy::Close, scopes: None };
    let inbox = Mailbox::new(options, move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let hub = Hub::new(7, HubOptions::default());
    hub.subscribe(&inbox, &patterns(&["a"]), None, 0);
    let rung = || rings.load(Ordering::Relaxed);
    for _ in 0..3 {
        hub.publish(new("a", "x"), 0);
    }
    assert_eq!(rung(), 1);
    assert_eq!(inbox.take(1).len(), 1);
    hub.publish(new("a", "x"), 0);
    assert_eq!(rung(), 1, "more waits, and the owner knows");
    assert_eq!(inbox.take(usize::MAX).len(), 3);
    hub.publish(new("a", "x"), 0);
    assert_eq!(rung(), 2);
    inbox.take(usize::MAX);
    hub.publish(new("a", &"x".repeat(1 << 20)), 0);
    assert_eq!(inbox.take(usize::MAX).len(), 1, "one that is too large comes alone");
    hub.publish(new("a", "x"), 0);
    hub.publish(new("a", &"x".repeat(1 << 20)), 0);
    assert!(inbox.is_closed());
    inbox.take(usize::MAX);
    let before = rung();
    hub.publish(new("a", "x"), 0);
    assert_eq!(rung(), before, "a closed one hears nothing");
}

#[test]
fn events_of_many_threads_reach_all_in_one_order() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    let hub = Hub::new(7, HubOptions { history_count: THREADS * EACH, ..HubOptions::default() });
    let inboxes: Vec<_> = (0..3).map(|_| mailbox(64 << 20, SlowPolicy::Close)).collect();
    for inbox in &inboxes {
        hub.subscribe(inbox, &patterns(&["a"]), None, 0);
    }
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (hub, barrier) = (&hub, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for n in 0..EACH {
                    hub.publish(new("a", &format!("{thread}.{n}")), 0);
                }
            });
        }
    });
    for inbox in &inboxes {
        let offsets: Vec<u64> = inbox.take(usize::MAX).iter().map(|event| event.offset()).collect();
        assert_eq!(offsets, (1..=(THREADS * EACH) as u64).collect::<Vec<_>>());
    }
}

#[test]
fn bytes_for_each_protocol_are_made_once_and_cannot_be_broken_by_texts() {
    let event = |name: Option<&str>, data: &str| {
        Event::new(NewEvent { name: name.map(Into::into), ..new("a", data) }, 0x1f, 3, 0)
    };
    let one = event(Some("x\ny"), " a\r\nb\rc\n");
    assert_eq!(&*one.sse(), b"event:x y\nid:1f-3\ndata:  a\ndata:b\ndata:c\ndata:\n\n");
    assert!(Arc::ptr_eq(&one.sse(), &one.sse()));
    assert_eq!(&*event(None, "").sse(), b"id:1f-3\ndata:\n\n");
    assert_eq!(event(None, "hi").ws()[..], [0x81, 2, b'h', b'i']);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whenever a cursor is served, the events are those of a list that forgets nothing.
    #[test]
    fn a_replay_is_complete_or_refused(
        topics in prop::collection::vec(0..4_usize, 1..60),
        count in 0..8_usize,
        total in 0..20_usize,
        since in 0..60_u64,
        wanted in prop::collection::vec(0..4_usize, 1..3),
        wild in any::<bool>(),
    ) {
        let name = |n: usize| format!("t/{n}");
        let cost = Event::new(new(&name(0), "x"), 7, 1, 0).cost();
        let options = HubOptions { history_count: count, total_bytes: total * cost, ..HubOptions::default() };
        let hub = Hub::new(7, options);
        for &topic in &topics {
            hub.publish(new(&name(topic), "x"), 0);
        }
        let texts: Vec<String> = if wild { vec!["t/*".into()] } else { wanted.iter().map(|&n| name(n)).collect() };
        let all: Vec<Pattern> = texts.iter().filter_map(|text| Pattern::new(text)).collect();
        let inbox = mailbox(1, SlowPolicy::Close);
        if let Some(Replay::Missed(events)) = hub.subscribe(&inbox, &all, at(since), 0).replay {
            let got: Vec<u64> = events.iter().map(|event| event.offset()).collect();
            let expected: Vec<u64> = topics.iter().zip(1..).filter(|&(&topic, offset)| {
                offset > since && (wild || wanted.contains(&topic))
            }).map(|(_, offset)| offset).collect();
            prop_assert_eq!(got, expected);
        } else if since >= topics.len() as u64 {
            prop_assert!(since > topics.len() as u64, "the present is always known");
        }
    }
}

#[test]
fn another_storage_keeps_what_it_likes_and_a_relay_hears_of_what_is_published_here_alone() {
    #[derive(Default)]
    struct Last(Option<Arc<Event>>);
    impl Storage for Last {
        fn add(&mut self, event: &Arc<Event>) {
            self.0 = Some(Arc::clone(event));
        }
        fn after(&mut self, _: &[Pattern], offset: u64, _: u64) -> Option<Vec<Arc<Event>>> {
            let last = self.0.clone().filter(|event| event.offset() > offset)?;
            (last.offset() == offset + 1).then(|| vec![last])
        }
        fn latest(&mut self, _: &str, _: u64) -> Vec<Arc<Event>> {
            self.0.iter().cloned().collect()
        }
        fn held(&self) -> Held {
            Held { topics: 1, events: self.0.iter().len(), bytes: 0 }
        }
    }
    struct Told(Arc<std::sync::Mutex<Vec<u64>>>);
    impl Relay for Told {
        fn publish(&self, event: &Arc<Event>) {
            self.0.lock().unwrap().push(event.offset());
        }
    }
    let told = Arc::<std::sync::Mutex<Vec<u64>>>::default();
    let relay: Box<dyn Relay> = Box::new(Told(Arc::clone(&told)));
    let storage = Box::<Last>::default();
    let hub = Hub::with_storage(7, HubOptions::default(), storage, Some(relay));
    let inbox = mailbox(1 << 20, SlowPolicy::DropOldest);
    hub.subscribe(&inbox, &patterns(&["t"]), None, 0);
    hub.publish(new("t", "here"), 0);
    hub.receive(new("t", "elsewhere"), 0);
    assert_eq!(inbox.take(usize::MAX).len(), 2, "subscribers see no difference");
    assert_eq!(*told.lock().unwrap(), [1]);
    assert_eq!(missed(hub.subscribe(&inbox, &patterns(&["t"]), at(1), 0)), Some(vec!["elsewhere".into()]));
    assert_eq!(missed(hub.subscribe(&inbox, &patterns(&["t"]), at(0), 0)), None);
    assert_eq!(hub.held(), (1, 1, 0));
}
