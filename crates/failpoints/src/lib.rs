#![doc = include_str!("../README.md")]

#[cfg(any(feature = "armed", test))]
mod armed;

/// The variable that arms one point: `name:nth:abort` or `name:nth:panic`. It is no setting of the server, which takes those that begin
/// with its name.
pub const VARIABLE: &str = "FAILPOINT";

/// When a point is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// While a server starts.
    Starting,
    /// While a server starts after one that left requests open.
    Recovering,
    /// By requests, each of which is a panic's alone.
    Serving,
    /// By what brings requests into the books: a panic there must not leave a server that serves on.
    Billing,
    /// While a server is asked to stop, and stops.
    Stopping,
}

macro_rules! points {
    ($($moment:ident { $($(#[doc = $doc:literal])+ $point:ident = $name:literal,)+ })+) => {
        /// A step of the path.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point {
            $($($(#[doc = $doc])+ $point,)+)+
        }

        impl Point {
            /// Every point, in the order of the path.
            pub const ALL: &[Self] = &[$($(Self::$point,)+)+];

            /// Its name in [`VARIABLE`].
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$point => $name,)+)+
                }
            }

            /// Its name in the sources.
            pub const fn identifier(self) -> &'static str {
                match self {
                    $($(Self::$point => stringify!($point),)+)+
                }
            }

            /// When it is reached.
            pub const fn moment(self) -> Moment {
                match self {
                    $($(Self::$point => Moment::$moment,)+)+
                }
            }
        }
    };
}

points! {
    Starting {
        /// The spool is read, and a block of numbers is reserved for this life.
        IdentitiesReserved = "identities-reserved",
        /// The log of the spool is about to be folded into its database.
        SpoolFolding = "spool-folding",
        /// It is folded.
        SpoolFolded = "spool-folded",
        /// The spool is open; the books have not been asked how far they are.
        SpoolOpened = "spool-opened",
        /// The books have said it.
        StandRead = "stand-read",
        /// Old acknowledged groups are about to be forgotten.
        SpoolForgetting = "spool-forgetting",
        /// They are forgotten on the disk.
        SpoolForgotten = "spool-forgotten",
        /// Partitions and late prices are looked after.
        HousekeepingTurn = "housekeeping-turn",
        /// The address is published.
        ServerListening = "server-listening",
    }
    Recovering {
        /// The requests that were open are known.
        SettlingBegun = "settling-begun",
        /// The end of one of them is appended.
        SettlementAppended = "settlement-appended",
        /// All of their ends are durable.
        SettlementDurable = "settlement-durable",
    }
    Serving {
        /// The admission is in the spool's hands.
        AdmissionAppended = "admission-appended",
        /// The request is about to be sent to the upstream.
        BeforeUpstream = "before-upstream",
        /// The head of the upstream's answer has come.
        UpstreamAnswered = "upstream-answered",
        /// The admission is durable, and the answer may be let go.
        AdmissionDurable = "admission-durable",
        /// The first bytes of a body are on their way to the client.
        FirstBytes = "first-bytes",
        /// The client has gone, and the answer is read on.
        ClientGone = "client-gone",
        /// The record of the end is made.
        BeforeEnd = "before-end",
        /// The end is in the spool's hands.
        EndAppended = "end-appended",
        /// The end is durable; the last bytes are still held.
        EndDurable = "end-durable",
        /// The last bytes are the connection's.
        LastBytesReleased = "last-bytes-released",
    }
    Billing {
        /// The spool's thread has taken a group.
        SpoolBeforeCommit = "spool-before-commit",
        /// A group is written, and not committed.
        SpoolInsideCommit = "spool-inside-commit",
        /// A group is committed, and nobody knows.
        SpoolCommitted = "spool-committed",
        /// The mark beside the database says it.
        SpoolMarked = "spool-marked",
        /// Those who waited for it are told.
        SpoolTold = "spool-told",
        /// Acknowledgements are on the disk.
        AcknowledgementStored = "acknowledgement-stored",
        /// A record is in the batcher's channel.
        FeedDelivered = "feed-delivered",
        /// A batch is about to be written.
        FlushBegun = "flush-begun",
        /// Its rows are written in its transaction.
        FlushWritten = "flush-written",
        /// The position is written too; COMMIT is next.
        FlushAdvanced = "flush-advanced",
        /// COMMIT was answered; nobody knows.
        FlushCommitted = "flush-committed",
        /// The spool was told what the books have.
        FlushAcknowledged = "flush-acknowledged",
    }
    Stopping {
        /// Nothing is accepted any more, and every stream has ended.
        GatewayStopped = "gateway-stopped",
        /// The log was delivered to its end.
        FeedDrained = "feed-drained",
        /// The batcher has ended.
        BatcherStopped = "batcher-stopped",
        /// The spool is about to give back its numbers and fold its log.
        SpoolClosing = "spool-closing",
        /// It has.
        SpoolClosed = "spool-closed",
        /// Everything is stopped.
        ServerStopped = "server-stopped",
    }
}

impl Point {
    /// The point of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|point| point.name() == name)
    }
}

/// The point is reached. Nothing happens, unless this build is for crash tests and the point is armed.
#[cfg(not(feature = "armed"))]
#[inline]
pub const fn hit(_point: Point) {}

/// Whether this point is the one that is armed: for what would otherwise take a way on which it is not.
#[cfg(not(feature = "armed"))]
#[inline]
pub const fn is_armed(_point: Point) -> bool {
    false
}

#[cfg(feature = "armed")]
pub use armed::{hit, is_armed};
