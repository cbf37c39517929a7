//! Names of the states.

/// The name of a state, for tests and measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateName {
    /// Nothing has been seen of the request.
    Fresh,
    /// The form for the assertion consumer is coming in.
    Consuming,
    /// A form for the token endpoint is coming in, or waits for keys.
    Granting,
    /// It is not known yet who sends a provisioning request, or what the application says of itself.
    Authenticating,
    /// A valid sign-in waits for the store of used assertions.
    Redeeming,
    /// A valid sign-in waits for the application's word on the account.
    Vouching,
    /// A request of somebody signed in waits for the same.
    Rechecking,
    /// A form waits for the identity provider's metadata.
    Awaiting,
    /// The body of a provisioning request is coming in.
    Arriving,
    /// A provisioning request waits for a call of our own.
    Calling,
    /// A provisioning request has been released.
    Provisioned,
    /// The application's answer is coming in.
    Repairing,
    /// It is held while calls of our own are made.
    FollowingUp,
    /// The proxy's own answer makes room for a SCIM error.
    Replacing,
    /// An ordinary request has been released, and its answer gets something of ours.
    Forwarded,
    /// A request has been released, and nothing is left to do.
    Released,
    /// We have answered.
    Refused,
    /// The stream is over.
    Over,
}
