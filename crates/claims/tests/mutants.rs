//! Each claim can fail: for each there is a server that breaks it and, as a rule, no other claim of its group.

mod flawed;

use claims::{CLAIMS, Claim, Verdict};
use flawed::nonsense::{self, Nonsense::*};
use flawed::{Flaw, Kind};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A flaw, and the claims that it breaks; those with a question mark it may break, since it is a race.
const MUTANTS: &[(Kind, Flaw, &[&str])] = &[
    (Kind::Echo, Flaw::None, &[]),
    (Kind::Parse, Flaw::None, &[]),
    (Kind::Slow, Flaw::None, &[]),
    (Kind::Queue, Flaw::None, &[]),
    (Kind::Bounded, Flaw::None, &[]),
    (Kind::Echo, Flaw::EchoesOnlyUtf8, &["echo"]),
    (Kind::Echo, Flaw::EchoesAsHtml, &["nosniff"]),
    (Kind::Echo, Flaw::OmitsNosniff, &["nosniff"]),
    (Kind::Echo, Flaw::ServesTenRequestsOnly, &["keep-alive"]),
    (Kind::Echo, Flaw::IgnoresConnectionClose, &["connection-close"]),
    (Kind::Echo, Flaw::KeepsHttp10Open, &["http-1.0"]),
    (Kind::Echo, Flaw::IgnoresHttp10KeepAlive, &["http-1.0"]),
    (Kind::Echo, Flaw::IgnoresRequestsAfterHalfClose, &["half-close"]),
    (Kind::Echo, Flaw::RejectsBareLf, &["bare-lf"]),
    (Kind::Echo, Flaw::DropsPipelinedRequests, &["pipeline"]),
    (Kind::Parse, Flaw::RespondsInReverseOrder, &["pipeline"]),
    (Kind::Queue, Flaw::ReadsOnlyTheFirstChunk, &["chunked"]),
    (Kind::Echo, Flaw::ReadsOnlyTheFirstChunk, &["chunked"]),
    (Kind::Echo, Flaw::ExpectsHeadInOneRead, &["partial-reads"]),
    (Kind::Parse, Flaw::NeverSendsContinue, &["expect-continue"]),
    (Kind::Parse, Flaw::SendsABodyToHead, &["head"]),
    (Kind::Echo, Flaw::SendsABodyToHead, &["head"]),
    (Kind::Echo, Flaw::OmitsLengthForHead, &["head"]),
    (Kind::Echo, Flaw::OmitsDate, &["standard-headers"]),
    (Kind::Parse, Flaw::SendsErrorsAsPlainText, &["problem-details"]),
    (Kind::Echo, Flaw::AcceptsMissingHost, &["malformed"]),
    (Kind::Echo, Flaw::AcceptsTwoFramings, &["smuggling"]),
    (Kind::Echo, Flaw::KeepsRejectedConnectionsOpen, &["unsupported"]),
    (Kind::Echo, Flaw::AcceptsConnect, &["unsupported"]),
    (Kind::Echo, Flaw::AcceptsAThousandFields, &["too-large"]),
    (Kind::Parse, Flaw::ReadsEndlessChunks, &["too-large"]),
    (Kind::Echo, Flaw::ResetsWhileClientSends, &["lingering-close"]),
    (Kind::Echo, Flaw::FreezesAfterClientAborts, &["client-abort"]),
    (Kind::Echo, Flaw::BlocksOnSilentClient, &["slow-client", "many-idle"]),
    (Kind::Echo, Flaw::BlocksOnPartialHead, &["slow-request", "threads"]),
    (Kind::Echo, Flaw::AllowsOnly200Connections, &["many-idle"]),
    (Kind::Parse, Flaw::AcceptsUnknownFields, &["garbage", "statuses"]),
    (
        Kind::Parse,
        Flaw::RejectsEveryEvent,
        &[
            "garbage",
            "users",
            "amounts",
            "media-type",
            "round-trip",
            "pipeline",
            "chunked",
            "partial-reads",
            "field-case",
            "expect-continue",
        ],
    ),
    (Kind::Parse, Flaw::IgnoresMethods, &["routes"]),
    (Kind::Parse, Flaw::OmitsAllow, &["routes"]),
    (Kind::Parse, Flaw::RejectsQueries, &["routes"]),
    (Kind::Parse, Flaw::RespondsWithPlainText, &["round-trip", "amounts"]),
    (Kind::Queue, Flaw::RespondsWithPlainText, &["round-trip", "amounts"]),
    (Kind::Slow, Flaw::RespondsWithOldBalance, &["balance", "amounts"]),
    (Kind::Parse, Flaw::ServesOneAtATime, &["concurrent"]),
    (Kind::Queue, Flaw::BlocksReadsOnWrites, &["reads-not-blocked"]),
    (Kind::Queue, Flaw::LosesEveryFifth, &["no-lost-update", "many-users", "none-lost"]),
    (Kind::Slow, Flaw::LosesEveryFifth, &["no-lost-update", "many-users", "none-lost", "balance"]),
    (Kind::Queue, Flaw::CountsEveryFifthTwice, &["no-lost-update", "many-users", "none-lost"]),
    (Kind::Slow, Flaw::DropsEventsOfGoneSenders, &["sender-gone"]),
    (Kind::Queue, Flaw::Wraps, &["overflow", "in-order"]),
    (Kind::Slow, Flaw::Saturates, &["overflow"]),
    (Kind::Queue, Flaw::Saturates, &["overflow"]),
    (Kind::Parse, Flaw::HasNoDeadline, &["deadline"]),
    (Kind::Parse, Flaw::KeepsIdleConnections, &["deadline"]),
    (Kind::Parse, Flaw::ClosesWithout408, &["deadline"]),
    (Kind::Parse, Flaw::Sends408ToNewConnections, &["deadline"]),
    (Kind::Parse, Flaw::Sends408ToIdleConnections, &["deadline"]),
    (Kind::Parse, Flaw::HasDeadlinePerRead, &["deadline"]),
    (Kind::Queue, Flaw::HasNoConnectionLimit, &["max-connections", "places-returned"]),
    (Kind::Queue, Flaw::OmitsRetryAfterAtConnectionLimit, &["max-connections", "places-returned"]),
    (Kind::Queue, Flaw::DropsOthersAtConnectionLimit, &["max-connections"]),
    (Kind::Queue, Flaw::MiscountsRejections, &["stats-consistent"]),
    (Kind::Queue, Flaw::OverstatesQueued, &["stats-consistent"]),
    (Kind::Queue, Flaw::RejectsEvenAfterRetryAfter, &["retry-after", "none-lost"]),
    (Kind::Queue, Flaw::OverstatesCapacity, &["burst", "none-lost"]),
    // an unbounded queue rejects no event
    (Kind::Queue, Flaw::HasUnboundedQueue, &["stats-consistent", "retry-after", "burst"]),
    (Kind::Queue, Flaw::WaitsWhenFull, &["retry-after", "burst"]),
    (Kind::Queue, Flaw::OmitsRetryAfter, &["retry-after", "burst"]),
    (Kind::Echo, Flaw::UsesThreadPerConnection, &["threads"]),
    (Kind::Echo, Flaw::TruncatesLargeEchoes, &["echo"]),
    (Kind::Echo, Flaw::TrimsEchoes, &["echo"]),
    (Kind::Echo, Flaw::EchoesStaleBytes, &["pipeline"]),
    (Kind::Echo, Flaw::MixesUpBodies, &["echo"]),
    (Kind::Echo, Flaw::BlocksOnUnreadResponse, &["slow-reader"]),
    (Kind::Echo, Flaw::HasCaseSensitiveFields, &["field-case"]),
    (Kind::Echo, Flaw::RejectsChunkExtensions, &["chunked"]),
    (Kind::Echo, Flaw::DrainsWithoutEnd, &["lingering-close"]),
    (Kind::Parse, Flaw::CountsCharactersInLength, &["users", "round-trip"]),
    (Kind::Parse, Flaw::AcceptsEmptyUser, &["users"]),
    (Kind::Parse, Flaw::AcceptsLongUser, &["users"]),
    (Kind::Parse, Flaw::AcceptsControlCharacters, &["users"]),
    (Kind::Parse, Flaw::CountsBytesOfUser, &["users"]),
    (Kind::Parse, Flaw::Sends400ForShape, &["statuses", "users", "amounts"]),
    (Kind::Parse, Flaw::Sends422ForNotJson, &["statuses"]),
    (Kind::Parse, Flaw::AcceptsFloats, &["amounts"]),
    (Kind::Parse, Flaw::AcceptsDuplicateFields, &["garbage", "statuses"]),
    (Kind::Parse, Flaw::AcceptsTrailingBytes, &["garbage", "statuses"]),
    (Kind::Parse, Flaw::ClampsAmounts, &["garbage", "statuses", "amounts"]),
    (Kind::Parse, Flaw::ParsesAmountsAsFloats, &["amounts"]),
    (Kind::Parse, Flaw::RejectsNegativeAmounts, &["amounts", "round-trip"]),
    (Kind::Parse, Flaw::RespondsInAscii, &["users", "round-trip"]),
    (Kind::Parse, Flaw::RejectsContentTypeParameters, &["media-type"]),
    (Kind::Parse, Flaw::RequiresContentType, &["media-type"]),
    (Kind::Parse, Flaw::HasNoWriteDeadline, &["deadline"]),
    (Kind::Parse, Flaw::HasBodyDeadlinePerRead, &["deadline"]),
    (Kind::Parse, Flaw::HasNoBodyDeadline, &["deadline"]),
    (Kind::Parse, Flaw::RestartsDeadlineAfterContinue, &["deadline"]),
    (Kind::Parse, Flaw::HasDeadlineForFirstRequestOnly, &["deadline"]),
    (Kind::Parse, Flaw::KeepsOpenAfter408, &["deadline"]),
    (Kind::Slow, Flaw::LosesAcrossUsers, &["many-users", "none-lost"]),
    (Kind::Slow, Flaw::LocksForReadOnly, &["balance", "no-lost-update", "none-lost"]),
    (Kind::Slow, Flaw::RespondsWithLaterBalance, &["balance"]),
    (Kind::Slow, Flaw::SaturatesWith422, &["overflow"]),
    (Kind::Slow, Flaw::ListsBalancesUnordered, &["balances-sorted"]),
    (Kind::Slow, Flaw::CachesBalances, &["balance"]),
    (Kind::Slow, Flaw::RejectsHead, &["head"]),
    (Kind::Slow, Flaw::TimesOutWork, &["none-lost"]),
    (Kind::Slow, Flaw::AppliesTwiceWhenSenderGone, &["sender-gone"]),
    (Kind::Slow, Flaw::LosesOneInAHundred, &["none-lost"]),
    (Kind::Queue, Flaw::LosesOneInAHundred, &["none-lost"]),
    (Kind::Queue, Flaw::DropsOnceTwelveWait, &["none-lost"]),
    (Kind::Queue, Flaw::DropsEventsOfGoneSenders, &["sender-gone"]),
    (Kind::Queue, Flaw::SaysRetryAfterOne, &["retry-after"]),
    (Kind::Queue, Flaw::SaysRetryAfterSixty, &["retry-after"]),
    (Kind::Queue, Flaw::CountsBesideTheChannel, &["stats-consistent", "retry-after"]),
    (Kind::Queue, Flaw::RespondsBeforeSending, &["retry-after", "burst", "none-lost"]),
    (Kind::Queue, Flaw::HasTwoWorkers, &["stats-consistent", "burst", "overflow?", "in-order?"]),
    (Kind::Queue, Flaw::HasQueuePerWorker, &["burst", "none-lost"]),
    (Kind::Queue, Flaw::ReversesOrder, &["in-order"]),
    (Kind::Queue, Flaw::RejectsAfterASecond, &["burst", "retry-after"]),
    (Kind::Queue, Flaw::AppliesRejectedEvents, &["none-lost"]),
    (Kind::Queue, Flaw::LeaksPlaceOnFailure, &["none-lost"]),
    (
        Kind::Queue,
        Flaw::CachesStats,
        &[
            "no-lost-update",
            "overflow",
            "in-order?",
            "stats-consistent?",
            "balances-sorted?",
            "none-lost?",
            "burst?",
        ],
    ),
    (Kind::Queue, Flaw::AppliesAtOnce, &["overflow"]),
    (Kind::Queue, Flaw::WorkerEndsOnOverflow, &["overflow", "in-order", "none-lost"]),
    (Kind::Queue, Flaw::BlocksStatsOnWork, &["reads-not-blocked"]),
    (Kind::Queue, Flaw::LocksAcrossWork, &["concurrent", "retry-after", "burst"]),
    (Kind::Queue, Flaw::RefusesWithoutResponse, &["max-connections", "places-returned"]),
    (Kind::Queue, Flaw::LeaksPermitOnAbort, &["places-returned"]),
    (Kind::Queue, Flaw::LeaksPermitOnRejection, &["places-returned"]),
    (Kind::Bounded, Flaw::BelievesItsPlan, &["in-time", "reserved-places"]),
    (Kind::Bounded, Flaw::BoundsTheFirstBurst, &["in-time", "reserved-places"]),
    (Kind::Bounded, Flaw::RejectsAllButTheFirst, &["in-time", "fair-share", "reserved-places?"]),
    (Kind::Bounded, Flaw::ReservesNothing, &["reserved-places"]),
    (Kind::Bounded, Flaw::ReservesAll, &["reserved-places"]),
    (Kind::Bounded, Flaw::SharesWithoutEnd, &["fair-share"]),
    (Kind::Bounded, Flaw::LimitsAllAlike, &["fair-share", "reserved-places"]),
    (Kind::Bounded, Flaw::OmitsRetryAfterFor429, &["fair-share"]),
    (Kind::Bounded, Flaw::BansForGood, &["fair-share"]),
    (Kind::Keys, Flaw::None, &[]),
    (Kind::Keys, Flaw::IgnoresKeys, &["key-once", "key-conflict", "key-retry", "key-while-full"]),
    (Kind::Keys, Flaw::AcceptsKeyOfAnotherEvent, &["key-conflict"]),
    (Kind::Keys, Flaw::RemembersKeyOfRejectedEvent, &["key-retry"]),
    (Kind::Keys, Flaw::LooksUpKeyAfterPlace, &["key-while-full"]),
    (Kind::Keys, Flaw::CountsKeyTwiceAtOnce, &["key-once", "key-while-full?"]),
];

/// The claims for which a server must be a process that can be killed. Stage 5 breaks them, and
/// mutants of stage 6 in its own tests.
const OF_A_PROCESS: [&str; 2] = ["survives-kill", "key-after-kill"];

/// How many trials run at a time, each with its own server.
const AT_A_TIME: usize = 32;

#[derive(Clone, Copy)]
struct Case {
    kind: Kind,
    flaw: Flaw,
    claim: &'static Claim,
    expected: Verdict,
}

impl Case {
    /// A message, if the verdict is not the expected one.
    async fn mismatch(self) -> Option<String> {
        let server = flawed::start(self.kind, self.flaw).await;
        let finding = self.claim.try_on(server.addr).await;
        let Self { kind, flaw, claim, expected } = self;
        (finding.verdict != expected).then(|| {
            format!(
                "{kind:?} with {flaw:?}, {}: {:?}, {}",
                claim.name, finding.verdict, finding.figure
            )
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_breaks_its_claim_and_no_other() {
    // both ends of every connection are in this process
    let _ = rlimit::increase_nofile_limit(20_000);
    let (places, crowds) = (Arc::new(Semaphore::new(AT_A_TIME)), Arc::new(Semaphore::new(2)));
    let mut trials = JoinSet::new();
    for &(kind, flaw, broken) in MUTANTS {
        // a flaw is tried with its group: a server without one keeps all claims of both
        let is_of_its_group = |claim: &&Claim| {
            broken.is_empty()
                || CLAIMS.iter().any(|other| other.group == claim.group && breaks(broken, other))
        };
        let kept = CLAIMS.iter().filter(|claim| kind.keeps(claim));
        for claim in kept.filter(is_of_its_group) {
            if OF_A_PROCESS.contains(&claim.name) || broken.contains(&&*format!("{}?", claim.name))
            {
                continue;
            }
            let expected = if breaks(broken, claim) { Verdict::Broken } else { Verdict::Kept };
            let case = Case { kind, flaw, claim, expected };
            let (places, crowds) = (places.clone(), crowds.clone());
            trials.spawn(async move {
                let _crowd = match claim.name {
                    "max-connections" | "places-returned" => {
                        Some(crowds.acquire_owned().await.expect("it is never closed"))
                    }
                    _ => None,
                };
                let _place = places.acquire().await.expect("it is never closed");
                case.mismatch().await.map(|_| case)
            });
        }
    }
    let mut again = Vec::new();
    while let Some(trial) = trials.join_next().await {
        again.extend(trial.expect("a trial does not panic"));
    }
    // a busy machine can break a claim: those are tried again, one at a time
    let mut mismatches = Vec::new();
    for case in again {
        mismatches.extend(case.mismatch().await);
    }
    assert!(mismatches.is_empty(), "{mismatches:#?}");
}

fn breaks(broken: &[&str], claim: &Claim) -> bool {
    broken.contains(&claim.name)
}

#[test]
fn every_claim_is_broken_by_some_flaw() {
    for claim in CLAIMS.iter().filter(|claim| !OF_A_PROCESS.contains(&claim.name)) {
        assert!(
            MUTANTS.iter().any(|(_, _, broken)| breaks(broken, claim)),
            "no server is known to break {}",
            claim.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_http_keeps_no_claim_and_none_hangs() {
    let _ = rlimit::increase_nofile_limit(20_000);
    let mut trials = JoinSet::new();
    let kinds = [
        DisconnectsAtOnce,
        DisconnectsAfterRequest,
        NeverAccepts,
        NeverResponds,
        SpeaksSsh,
        SendsLessThanItsLength,
        NeverEndsItsBody,
        SendsOnlyInterimResponses,
    ];
    for nonsense in kinds {
        for claim in CLAIMS {
            trials.spawn(async move {
                let (addr, _server) = nonsense::start(nonsense).await;
                (nonsense, claim, claim.try_on(addr).await)
            });
        }
    }
    while let Some(trial) = trials.join_next().await {
        let (nonsense, claim, finding) = trial.expect("a trial does not panic");
        let of = format!("{nonsense:?}, {}: {}", claim.name, finding.figure);
        assert_ne!(finding.verdict, Verdict::Kept, "{of}");
        assert!(!finding.figure.starts_with("not finished"), "{of}");
    }
}
