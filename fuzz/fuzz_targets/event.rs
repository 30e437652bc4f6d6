//! Events: each accepted event is valid, and the same after a round trip.
#![no_main]

use event::Event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = serde_json::from_slice::<Event>(bytes) {
        let user = event.user.to_string();
        assert!((1..=64).contains(&user.chars().count()) && !user.chars().any(char::is_control));
        let again = serde_json::to_vec(&event).expect("an event is JSON");
        assert_eq!(serde_json::from_slice::<Event>(&again).expect("its JSON is an event"), event);
    }
});
