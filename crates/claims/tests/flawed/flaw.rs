//! The kinds of server, and their flaws.

use claims::{Claim, Group};

/// What the server does. Without a flaw it keeps all claims of the stage with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Echo = 2,
    Parse = 3,
    Slow = 4,
    Queue = 5,
    /// As a queue, with keys; it is in the process of the test, so it cannot be killed.
    Keys = 6,
    /// No stage: the queue with a bound in time, reserved places and a share for each user. It keeps the claims on bounds.
    Bounded = 50,
}

impl Kind {
    pub(crate) fn has_queue(self) -> bool {
        matches!(self, Self::Queue | Self::Keys | Self::Bounded)
    }

    /// Whether a server of this kind without a flaw keeps a claim.
    pub(crate) fn keeps(self, claim: &Claim) -> bool {
        match self {
            Self::Bounded => claim.group == Group::Bound,
            stage => claim.kept_by.contains(&(stage as u8)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    EchoesOnlyUtf8,
    EchoesAsHtml,
    OmitsNosniff,
    ServesTenRequestsOnly,
    IgnoresConnectionClose,
    KeepsHttp10Open,
    IgnoresHttp10KeepAlive,
    IgnoresRequestsAfterHalfClose,
    RejectsBareLf,
    DropsPipelinedRequests,
    RespondsInReverseOrder,
    ReadsOnlyTheFirstChunk,
    ExpectsHeadInOneRead,
    NeverSendsContinue,
    SendsABodyToHead,
    OmitsLengthForHead,
    OmitsDate,
    SendsErrorsAsPlainText,
    AcceptsMissingHost,
    AcceptsTwoFramings,
    KeepsRejectedConnectionsOpen,
    AcceptsConnect,
    AcceptsAThousandFields,
    ReadsEndlessChunks,
    ResetsWhileClientSends,
    FreezesAfterClientAborts,
    BlocksOnSilentClient,
    BlocksOnPartialHead,
    AllowsOnly200Connections,
    AcceptsUnknownFields,
    RejectsEveryEvent,
    IgnoresMethods,
    OmitsAllow,
    RejectsQueries,
    RespondsWithPlainText,
    RespondsWithOldBalance,
    ServesOneAtATime,
    BlocksReadsOnWrites,
    LosesEveryFifth,
    CountsEveryFifthTwice,
    DropsEventsOfGoneSenders,
    Wraps,
    Saturates,
    HasNoDeadline,
    KeepsIdleConnections,
    ClosesWithout408,
    Sends408ToNewConnections,
    Sends408ToIdleConnections,
    HasDeadlinePerRead,
    HasNoConnectionLimit,
    OmitsRetryAfterAtConnectionLimit,
    DropsOthersAtConnectionLimit,
    MiscountsRejections,
    OverstatesQueued,
    OmitsRetryAfter,
    RejectsEvenAfterRetryAfter,
    HasUnboundedQueue,
    WaitsWhenFull,
    OverstatesCapacity,
    // stage 2 and later: bodies and connections
    UsesThreadPerConnection,
    TruncatesLargeEchoes,
    TrimsEchoes,
    EchoesStaleBytes,
    MixesUpBodies,
    BlocksOnUnreadResponse,
    HasCaseSensitiveFields,
    RejectsChunkExtensions,
    DrainsWithoutEnd,
    CountsCharactersInLength,
    // stage 3: the event
    AcceptsEmptyUser,
    AcceptsLongUser,
    AcceptsControlCharacters,
    CountsBytesOfUser,
    Sends400ForShape,
    Sends422ForNotJson,
    AcceptsFloats,
    AcceptsDuplicateFields,
    AcceptsTrailingBytes,
    ClampsAmounts,
    ParsesAmountsAsFloats,
    RejectsNegativeAmounts,
    RespondsInAscii,
    RejectsContentTypeParameters,
    RequiresContentType,
    // stage 3: deadlines
    HasNoWriteDeadline,
    HasBodyDeadlinePerRead,
    HasNoBodyDeadline,
    RestartsDeadlineAfterContinue,
    HasDeadlineForFirstRequestOnly,
    KeepsOpenAfter408,
    // stage 4: shared state
    LosesAcrossUsers,
    LocksForReadOnly,
    RespondsWithLaterBalance,
    SaturatesWith422,
    ListsBalancesUnordered,
    CachesBalances,
    RejectsHead,
    TimesOutWork,
    AppliesTwiceWhenSenderGone,
    LosesOneInAHundred,
    // stage 5: the queue
    DropsOnceTwelveWait,
    SaysRetryAfterOne,
    SaysRetryAfterSixty,
    CountsBesideTheChannel,
    RespondsBeforeSending,
    HasTwoWorkers,
    HasQueuePerWorker,
    ReversesOrder,
    RejectsAfterASecond,
    AppliesRejectedEvents,
    LeaksPlaceOnFailure,
    CachesStats,
    AppliesAtOnce,
    WorkerEndsOnOverflow,
    BlocksStatsOnWork,
    LocksAcrossWork,
    // stage 5: the connection limit
    RefusesWithoutResponse,
    LeaksPermitOnAbort,
    LeaksPermitOnRejection,
    // what no stage has
    BelievesItsPlan,
    BoundsTheFirstBurst,
    RejectsAllButTheFirst,
    ReservesNothing,
    ReservesAll,
    SharesWithoutEnd,
    LimitsAllAlike,
    OmitsRetryAfterFor429,
    BansForGood,
    // stage 6: keys
    IgnoresKeys,
    AcceptsKeyOfAnotherEvent,
    RemembersKeyOfRejectedEvent,
    LooksUpKeyAfterPlace,
    CountsKeyTwiceAtOnce,
}

impl Flaw {
    /// Whether it has no deadline. A limit on connections needs this too: they must stay open until the claim is tried.
    pub(crate) fn never_times_out(self) -> bool {
        matches!(self, Self::HasNoDeadline | Self::AllowsOnly200Connections)
    }

    /// Whether it sends 408 on a connection on which no request has begun.
    pub(crate) fn sends_408(self, kept_alive: bool) -> bool {
        match kept_alive {
            true => self == Self::Sends408ToIdleConnections,
            false => self == Self::Sends408ToNewConnections,
        }
    }
}
