//! What workers send each other when there is no room for it.

use super::*;

fn outlet(room: usize) -> (Outlet, Receiver<(usize, Message)>) {
    let (messages, inlet) = sync_channel(room);
    let waker = Waker::new().expect("a descriptor");
    (Outlet { messages, waker, waiting: VecDeque::new(), unannounced: false }, inlet)
}

/// A change of rules on its way to another worker waits for room, in its order, and is never lost; frames behind it wait too, up
/// to a bound.
#[test]
fn a_full_queue_loses_no_command_and_bounds_frames() {
    let (mut outlet, inlet) = outlet(2);
    for bucket in 0..10 {
        outlet.send(0, Message::Command(Bucket(bucket), Command::Drained(Bucket(bucket))));
    }
    let taken = (0..2 * HANDOVER).filter(|_| outlet.send_frame(0, Frame::new(0))).count();
    assert_eq!((outlet.waiting.len(), taken), (HANDOVER, HANDOVER - 8));
    let (mut commands, mut frames) = (Vec::new(), 0);
    while commands.len() + frames < 10 + taken {
        match inlet.try_recv() {
            Ok((_, Message::Command(bucket, _))) => commands.push((bucket.0, frames)),
            Ok(_) => frames += 1,
            Err(_) => outlet.flush(0),
        }
    }
    assert_eq!(commands, (0..10).map(|bucket| (bucket, 0)).collect::<Vec<_>>());
}

#[test]
fn nothing_waits_for_a_worker_that_is_gone() {
    let (mut outlet, inlet) = outlet(2);
    drop(inlet);
    for bucket in 0..10 {
        outlet.send(0, Message::Command(Bucket(bucket), Command::Drained(Bucket(bucket))));
        assert!(!outlet.send_frame(0, Frame::new(0)));
    }
    assert!(outlet.waiting.is_empty());
}
