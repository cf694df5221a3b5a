//! NAS from UEs without keys, and from UEs that have them and misuse them.

use bytes::Bytes;
use fuzz::Mutator;
use nas::ie::MobileIdentity;
use ngap::{Message, RanUeNgapId};
use ran::UeId;
use ran::ue::{Command, SessionRequest};
use tests::{Puppet, World};

use super::ownership::{initial_message, plain_registration, uplink};
use crate::Outcome;

fn session(id: u8) -> Command {
    Command::Establish(SessionRequest::usual(id))
}

/// How much a UE says in a row here. The AMF takes so much and more at once; what is over is lost, as on the air.
const BREATH: usize = 8;

/// A UE says all this, and does in between what any UE does: leave, come back and open a session.
async fn talk(puppet: &mut Puppet, ue: UeId, messages: &[Vec<u8>]) -> Outcome {
    for some in messages.chunks(BREATH) {
        for message in some {
            puppet.speak(ue, message).await?;
        }
        // What all that is answered with is over when the UE has left.
        puppet.run(ue, Command::Deregister(false)).await?;
        puppet.run(ue, Command::Register).await?;
        puppet.run(ue, session(1)).await?;
    }
    Ok(())
}

pub(crate) async fn nas_that_is_cut_or_empty(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let whole = plain_registration(MobileIdentity::Imei("356938035643803".into()));
    let cut = (0..whole.len()).map(|length| whole.slice(..length));
    let odd = [
        &[0x7e, 2, 0, 0, 0, 0, 0][..],
        &[0x7e, 4, 1, 2, 3, 4, 0, 0x7e, 0, 0x5e],
        &[0x7e, 5, 0, 0, 0, 0, 0, 0x7e, 0, 0x41],
        &[0x7e, 0, 0x41, 0x79, 0, 1, 0],
        &[0x7e, 0, 0x41, 0x79, 0, 0],
        &[0x7e, 0, 0x41, 0x79, 0xff, 0xff, 1],
        &[0x7e, 0, 0x4c, 0x10, 0, 7, 0xf4, 0, 0, 0, 0, 0, 0],
        &[0x7e, 0, 0x45, 0x79, 0, 11, 0xf2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x2e, 1, 1, 0xc1, 0xff, 0xff],
        &[0x7e, 0, 0x67, 1, 0, 0],
        &[0xff; 300],
    ];
    let all = cut.chain(odd.into_iter().map(Bytes::copy_from_slice));
    // Numbers that the puppet's own UEs will not get.
    for (number, nas_pdu) in (100_000..).zip(all) {
        puppet.peer.send(1, &initial_message(RanUeNgapId(number), nas_pdu)).await?;
    }
    // And on a connection that exists.
    let ue = puppet.registered(&world.subscriber()).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = puppet.ids(ue)?;
    for nas in [&[][..], &[0x7e], &[0x7e, 0], &[0x7e, 2, 1, 2, 3, 4, 5], &[0x7e, 0, 0x41], &[0; 64]] {
        puppet.peer.send(1, &uplink(amf_ue_ngap_id, ran_ue_ngap_id, nas)).await?;
    }
    puppet.run(ue, session(2)).await?;
    let cut: Vec<_> = (0..8).map(|length| [0x7e, 0, 0x67, 1, 0, 0, 0, 0][..length].to_vec()).collect();
    talk(&mut puppet, ue, &cut).await
}

pub(crate) async fn nas_out_of_the_blue(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.registered(&world.subscriber()).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = puppet.ids(ue)?;
    // Without protection: all but a few messages are discarded once there is a security context.
    let messages = (fuzz::target("nas_gmm").expect("a target").seeds)();
    for nas in messages.iter().filter(|message| message.get(2) != Some(&0x41)) {
        puppet.peer.send(1, &uplink(amf_ue_ngap_id, ran_ue_ngap_id, nas)).await?;
    }
    puppet.run(ue, session(1)).await?;
    // With it: messages of procedures that do not run.
    let kinds = [0x43, 0x57, 0x5c, 0x5e, 0x55, 0x46, 0x42, 0x56, 0x5d, 0x68];
    let short = kinds.map(|kind| vec![0x7e, 0, kind]);
    let long = kinds.map(|kind| [&[0x7e, 0, kind][..], &[0x2d, 16], &[7; 16]].concat());
    talk(&mut puppet, ue, &[short, long].concat()).await
}

/// UL NAS TRANSPORT with a session message, and perhaps a session and a request type.
fn transport(gsm: &[u8], session: Option<u8>, request: Option<u8>) -> Vec<u8> {
    let length = u16::try_from(gsm.len()).expect("short").to_be_bytes();
    let mut octets = [&[0x7e, 0, 0x67, 1][..], &length, gsm].concat();
    octets.extend(session.into_iter().flat_map(|id| [0x12, id]));
    octets.extend(request.map(|kind| 0x80 | kind));
    octets
}

pub(crate) async fn session_identities_out_of_range(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.registered(&world.subscriber()).await?;
    let mut messages = Vec::new();
    for (id, pti) in [(0, 1), (16, 1), (255, 1), (5, 0), (5, 255)] {
        let request = [0x2e, id, pti, 0xc1, 0xff, 0xff, 0x91];
        messages.push(transport(&request, Some(id), Some(1)));
        messages.push(transport(&request, None, Some(1)));
        messages.push(transport(&request, Some(id), None));
    }
    let request = [0x2e, 6, 1, 0xc1, 0xff, 0xff, 0x91];
    // The two identities do not agree; the message is cut; the kind of request is reserved; the session is not there.
    messages.push(transport(&request, Some(7), Some(1)));
    messages.extend((0..request.len()).map(|length| transport(&request[..length], Some(6), Some(1))));
    messages.extend([0, 2, 3, 4, 5, 6, 7].map(|kind| transport(&request, Some(8), Some(kind))));
    messages.extend([0xc9, 0xcc, 0xd1, 0xd4, 0xd6, 0xff].map(|kind| transport(&[0x2e, 9, 3, kind], Some(9), None)));
    talk(&mut puppet, ue, &messages).await
}

pub(crate) async fn replayed_and_forged(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.registered(&world.subscriber()).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = puppet.ids(ue)?;
    for round in 1..=10_u8 {
        // A DEREGISTRATION REQUEST under many sequence numbers, with a MAC that is wrong; then the UE itself.
        for number in 0..8 {
            let forged = [&[0x7e, 2, 1, 2, 3, 4, round * 8 + number][..], &[0x7e, 0, 0x45, 9, 0, 1, 0]].concat();
            puppet.peer.send(1, &uplink(amf_ue_ngap_id, ran_ue_ngap_id, &forged)).await?;
        }
        puppet.run(ue, session(1)).await?;
        puppet.run(ue, Command::Release(1)).await?;
    }
    Ok(())
}

/// A session of the same identity again as soon as the one before is released: what the SMF has still to say about the
/// old one does not touch the new.
pub(crate) async fn same_session_again_and_again(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.registered(&world.subscriber()).await?;
    for _ in 0..20 {
        puppet.run(ue, session(1)).await?;
        puppet.run(ue, Command::Release(1)).await?;
    }
    puppet.run(ue, session(1)).await?;
    puppet.run(ue, Command::Deregister(false)).await
}

pub(crate) async fn synchronisation_failure_again_and_again(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.ue(&world.subscriber());
    puppet.begin(ue, Command::Register).await?;
    let mut ended = false;
    for _ in 0..8 {
        // AUTHENTICATION FAILURE, cause synch failure, with an AUTS made of nothing.
        let Ok((ran_ue_ngap_id, amf_ue_ngap_id)) = puppet.ids(ue) else { break };
        let failure = [&[0x7e, 0, 0x59, 21, 0x30, 14][..], &[5; 14]].concat();
        puppet.peer.send(1, &uplink(amf_ue_ngap_id, ran_ue_ngap_id, &failure)).await?;
        let refused = |message: &Message| matches!(message, Message::UeContextReleaseCommand(_)).then_some(());
        ended |= puppet.peer.expect("", refused).await.is_ok();
        if ended {
            break;
        }
    }
    puppet.registered(&world.subscriber()).await?;
    Ok(())
}

pub(crate) async fn oversized_options(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.registered(&world.subscriber()).await?;
    // Extended protocol configuration options of 32 KB that ask for DNS servers thousands of times.
    let asks: Vec<u8> = std::iter::once(0x80).chain([0, 0x0d, 0].repeat(10_900)).collect();
    let length = u16::try_from(asks.len()).expect("32 KB").to_be_bytes();
    let request = [&[0x2e, 5, 1, 0xc1, 0xff, 0xff, 0x91, 0x7b][..], &length, &asks].concat();
    puppet.speak(ue, &transport(&request, Some(5), Some(1))).await?;
    // A DNN whose labels overrun, in the transport.
    let request = [0x2e, 6, 1, 0xc1, 0xff, 0xff, 0x91];
    let overrun = [transport(&request, Some(6), Some(1)), vec![0x25, 4, 63, b'a', b'b', b'c']].concat();
    puppet.speak(ue, &overrun).await?;
    puppet.run(ue, session(1)).await?;
    puppet.run(ue, Command::Deregister(false)).await
}

pub(crate) async fn mutated_nas(world: &mut World) -> Outcome {
    let mut seeds = (fuzz::target("nas_gmm").expect("a target").seeds)();
    let puppet = world.puppet().await?;
    for number in 0..1000_u32 {
        let nas = Mutator::new(number.into()).input(&seeds);
        puppet.peer.send(1, &initial_message(RanUeNgapId(number), nas.into())).await?;
    }
    // What a UE with keys says is believed to come from it, and still may be anything.
    let mut puppet = world.puppet().await?;
    let gsm = (fuzz::target("nas_gsm").expect("a target").seeds)();
    seeds.extend(gsm.iter().map(|message| transport(message, Some(1), Some(1))));
    let mut ue = puppet.registered(&world.subscriber()).await?;
    for number in 0..500 {
        puppet.speak(ue, &Mutator::new(number).input(&seeds)).await?;
        if number % 100 == 99 {
            ue = puppet.registered(&world.subscriber()).await?;
        }
    }
    Ok(())
}
