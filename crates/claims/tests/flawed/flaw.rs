//! The kinds of server, and their flaws.

/// What the server does. Without a flaw it keeps all claims of the stage with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Echo = 2,
    Parse = 3,
    Slow = 4,
    Queue = 5,
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
