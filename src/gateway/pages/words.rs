//! What pages say, in each language that is built in. Every text has a key, under which an operator can replace it.

/// A text in the languages that are built in.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Words {
    /// Under which it is replaced.
    pub(in crate::gateway) key: &'static str,
    pub(super) english: &'static str,
    pub(super) german: &'static str,
}

impl Words {
    /// In English, which is what programs are told.
    pub(in crate::gateway) fn english(&self) -> &'static str {
        self.english
    }
}

/// What a page says: its title and one paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Said {
    pub(in crate::gateway) title: &'static Words,
    pub(in crate::gateway) text: &'static Words,
}

macro_rules! words {
    ($($name:ident $key:literal $english:literal $german:literal)*) => {
        $(pub(in crate::gateway) static $name: Words = Words { key: $key, english: $english, german: $german };)*
        /// All labels.
        pub(in crate::gateway) static LABELS: &[&Words] = &[$(&$name),*];
    };
}

words! {
    SIGN_IN "label.sign_in" "Sign in" "Anmelden"
    SIGN_IN_AGAIN "label.sign_in_again" "Sign in again" "Erneut anmelden"
    SIGN_IN_WITH_MICROSOFT "label.sign_in_with_microsoft" "Sign in with Microsoft" "Mit Microsoft anmelden"
    TRY_AGAIN "label.try_again" "Try again" "Erneut versuchen"
    SIGN_OUT "label.sign_out" "Sign out" "Abmelden"
    TO_THE_START "label.start" "Go to the start" "Zur Startseite"
    CONTINUE "label.continue" "Continue" "Weiter"
    SUPPORT "label.support" "Get help" "Hilfe"
    REFERENCE "label.reference" "If you ask for help, give this reference:" "Wenn Sie um Hilfe bitten, nennen Sie diese Kennung:"
}

macro_rules! pages {
    ($($name:ident $key:literal
        $english_title:literal $english_text:literal
        $german_title:literal $german_text:literal)*) => {
        $(pub(in crate::gateway) static $name: Said = Said {
            title: &Words { key: concat!($key, ".title"), english: $english_title, german: $german_title },
            text: &Words { key: concat!($key, ".text"), english: $english_text, german: $german_text },
        };)*
        /// All pages.
        pub(in crate::gateway) static PAGES: &[&Said] = &[$(&$name),*];
    };
}

pages! {
    CHOICE "choice"
        "Sign in" "Choose how you want to sign in."
        "Anmelden" "Wählen Sie, wie Sie sich anmelden möchten."
    CARRY_SIGN_IN "carry_sign_in"
        "Sign in" "You are taken to your organisation's sign-in page."
        "Anmelden" "Sie werden zur Anmeldeseite Ihrer Organisation weitergeleitet."
    CARRY_SIGN_OUT "carry_sign_out"
        "Sign out" "You are taken to your organisation's sign-out page."
        "Abmelden" "Sie werden zur Abmeldeseite Ihrer Organisation weitergeleitet."
    ASK_SIGN_OUT "ask_sign_out"
        "Sign out" "Do you want to sign out?"
        "Abmelden" "Möchten Sie sich abmelden?"
    SIGNED_OUT "signed_out"
        "You are signed out" "You can close this window."
        "Sie sind abgemeldet" "Sie können dieses Fenster schließen."
    SIGNED_OUT_EVERYWHERE "signed_out_everywhere"
        "You are signed out" "You are signed out here and at your organisation's sign-in service. You can close this window."
        "Sie sind abgemeldet" "Sie sind hier und beim Anmeldedienst Ihrer Organisation abgemeldet. Sie können dieses Fenster schließen."
    SIGNED_OUT_HERE "signed_out_here"
        "You are signed out here" "You may still be signed in elsewhere. Close all windows of the browser to be sure."
        "Sie sind hier abgemeldet" "Anderswo sind Sie möglicherweise noch angemeldet. Schließen Sie zur Sicherheit alle Fenster des Browsers."
    SIGNED_OUT_IN_PART "signed_out_in_part"
        "You are signed out here only" "This browser has forgotten the session, but a copy of it elsewhere could not be ended."
        "Sie sind nur hier abgemeldet" "Dieser Browser hat die Sitzung vergessen, aber eine Kopie davon an anderer Stelle konnte nicht beendet werden."
    NOT_SIGNED_OUT "not_signed_out"
        "You could not be signed out" "You can close this window."
        "Die Abmeldung ist nicht gelungen" "Sie können dieses Fenster schließen."
    SIGN_OUT_REFUSED "sign_out_refused"
        "You could not be signed out this way" "The message of your organisation's sign-in service was not accepted. To sign out here, use this link."
        "So ist die Abmeldung nicht gelungen" "Die Nachricht des Anmeldedienstes Ihrer Organisation wurde nicht angenommen. Um sich hier abzumelden, folgen Sie diesem Link."
    SIGN_OUT_UNREADY "sign_out_unready"
        "Signing out is not possible now" "Your organisation's sign-in service cannot be reached at this moment. Please try again."
        "Die Abmeldung ist gerade nicht möglich" "Der Anmeldedienst Ihrer Organisation ist im Moment nicht erreichbar. Bitte versuchen Sie es erneut."
    NO_ACCESS "no_access"
        "No access" "You have no access to this page. Ask your administrator if you need it."
        "Kein Zugriff" "Sie haben keinen Zugriff auf diese Seite. Wenden Sie sich an Ihre Administration, wenn Sie ihn brauchen."
    NOT_PROVISIONED "not_provisioned"
        "Your account is not set up yet" "You signed in, but this application has no active account for you. Ask your administrator to assign you; it can take up to an hour until the account is there."
        "Ihr Konto ist noch nicht eingerichtet" "Sie haben sich angemeldet, aber in dieser Anwendung gibt es kein aktives Konto für Sie. Bitten Sie Ihre Administration um eine Zuweisung; bis das Konto da ist, kann es bis zu einer Stunde dauern."
    INACTIVE "inactive"
        "Your account is not active" "Access to this application has been withdrawn. Ask your administrator if you need it."
        "Ihr Konto ist nicht aktiv" "Der Zugriff auf diese Anwendung wurde entzogen. Wenden Sie sich an Ihre Administration, wenn Sie ihn brauchen."
    NOT_NOW "not_now"
        "Not possible now" "It cannot be checked now whether you may enter. Please try again later."
        "Gerade nicht möglich" "Im Moment kann nicht geprüft werden, ob Sie eintreten dürfen. Bitte versuchen Sie es später erneut."
    NOT_PROVEN "not_proven"
        "Not possible now" "It cannot be proven to the application now who you are. Please try again later."
        "Gerade nicht möglich" "Der Anwendung kann im Moment nicht bewiesen werden, wer Sie sind. Bitte versuchen Sie es später erneut."
    UNTOLD "untold"
        "No access" "What your organisation says about you cannot be handed on to the application. Please ask your administrator."
        "Kein Zugriff" "Was Ihre Organisation über Sie sagt, kann der Anwendung nicht weitergegeben werden. Bitte wenden Sie sich an Ihre Administration."
    NOTHING_HERE "nothing_here"
        "Nothing to see here" "This address only takes the answer of your organisation's sign-in service."
        "Hier gibt es nichts zu sehen" "Diese Adresse nimmt nur die Antwort des Anmeldedienstes Ihrer Organisation entgegen."
    NOT_SIGNED_IN "not_signed_in"
        "You could not be signed in" "The answer of your organisation's sign-in service was not accepted."
        "Die Anmeldung ist nicht gelungen" "Die Antwort des Anmeldedienstes Ihrer Organisation wurde nicht angenommen."
    AGAIN "again"
        "Please sign in again" "This sign-in was begun in another browser, took too long, or was used already."
        "Bitte melden Sie sich erneut an" "Diese Anmeldung wurde in einem anderen Browser begonnen, hat zu lange gedauert oder wurde schon verwendet."
    COOKIES "cookies"
        "Please sign in again" "Your browser did not say which sign-in this belongs to. It was begun in another browser, took too long, or your browser keeps no cookies of this site: allow them, then sign in again."
        "Bitte melden Sie sich erneut an" "Ihr Browser hat nicht gesagt, zu welcher Anmeldung dies gehört. Sie wurde in einem anderen Browser begonnen, hat zu lange gedauert, oder Ihr Browser behält keine Cookies dieser Website: Lassen Sie sie zu, und melden Sie sich dann erneut an."
    BUSY "busy"
        "Signing in is not possible now" "Many people are signing in at this moment. Please try again."
        "Die Anmeldung ist gerade nicht möglich" "Im Moment melden sich viele Menschen an. Bitte versuchen Sie es erneut."
    UNREADY "unready"
        "Signing in is not possible now" "Your organisation's sign-in service cannot be reached at this moment. Please try again."
        "Die Anmeldung ist gerade nicht möglich" "Der Anmeldedienst Ihrer Organisation ist im Moment nicht erreichbar. Bitte versuchen Sie es erneut."
    LATER "later"
        "Signing in is not possible now" "Please try again later."
        "Die Anmeldung ist gerade nicht möglich" "Bitte versuchen Sie es später erneut."
    STALE "stale"
        "Please prove who you are again" "Your last sign-in at your organisation is too long ago for this application."
        "Bitte weisen Sie sich erneut aus" "Ihre letzte Anmeldung bei Ihrer Organisation liegt für diese Anwendung zu lange zurück."
    TOO_WEAK "too_weak"
        "Another sign-in is needed" "You signed in, but not in the way that this page asks for, such as with a second factor. Sign in again, or ask your administrator."
        "Eine andere Anmeldung ist nötig" "Sie haben sich angemeldet, aber nicht so, wie diese Seite es verlangt, etwa mit einem zweiten Faktor. Melden Sie sich erneut an, oder fragen Sie Ihre Administration."
    TOO_OLD "too_old"
        "Another sign-in is needed" "Your sign-in at your organisation is too long ago for this page, and signing in anew did not change that. Sign in again, or ask your administrator."
        "Eine andere Anmeldung ist nötig" "Ihre Anmeldung bei Ihrer Organisation liegt für diese Seite zu lange zurück, und eine neue Anmeldung hat daran nichts geändert. Melden Sie sich erneut an, oder fragen Sie Ihre Administration."
    GROUPS "groups"
        "Your groups are not known" "You belong to more groups than your organisation's sign-in service sends, so your access cannot be decided. Ask your administrator to send only the groups that are assigned to this application."
        "Ihre Gruppen sind nicht bekannt" "Sie gehören mehr Gruppen an, als der Anmeldedienst Ihrer Organisation sendet; über Ihren Zugriff kann daher nicht entschieden werden. Bitten Sie Ihre Administration, nur die Gruppen zu senden, die dieser Anwendung zugewiesen sind."
    PASSIVE "passive"
        "You are not signed in yet" "Your organisation's sign-in service wants to ask you something first."
        "Sie sind noch nicht angemeldet" "Der Anmeldedienst Ihrer Organisation möchte Sie zuerst etwas fragen."
    LOST "lost"
        "What you sent was not saved" "You are not signed in, or not any more. What you have just sent has not reached the application and is not saved. Go back and copy it if you need it, sign in, then send it again."
        "Was Sie gesendet haben, wurde nicht gespeichert" "Sie sind nicht oder nicht mehr angemeldet. Was Sie eben gesendet haben, hat die Anwendung nicht erreicht und ist nicht gespeichert. Gehen Sie zurück und kopieren Sie es, wenn Sie es brauchen, melden Sie sich an, und senden Sie es dann erneut."
    GOING_ROUND "going_round"
        "Signing in leads nowhere" "You were signed in, but your browser did not keep it. Allow cookies for this site, then sign in again."
        "Die Anmeldung führt nirgendwohin" "Sie wurden angemeldet, aber Ihr Browser hat es nicht behalten. Lassen Sie Cookies für diese Website zu, und melden Sie sich dann erneut an."
    STATUS_AUTHN_FAILED "status.authn_failed"
        "Your organisation did not sign you in" "The sign-in service could not make sure who you are. Check the account you chose and try again."
        "Ihre Organisation hat Sie nicht angemeldet" "Der Anmeldedienst konnte nicht feststellen, wer Sie sind. Prüfen Sie das gewählte Konto, und versuchen Sie es erneut."
    STATUS_REQUEST_DENIED "status.request_denied"
        "Your organisation refused this sign-in" "The sign-in service does not allow you to use this application. Ask your administrator for access."
        "Ihre Organisation hat diese Anmeldung abgelehnt" "Der Anmeldedienst erlaubt Ihnen diese Anwendung nicht. Bitten Sie Ihre Administration um Zugriff."
    STATUS_NO_AUTHN_CONTEXT "status.no_authn_context"
        "Another way of signing in is needed" "You signed in, but not in the way this application asks for."
        "Eine andere Art der Anmeldung ist nötig" "Sie haben sich angemeldet, aber nicht so, wie diese Anwendung es verlangt."
    STATUS_INVALID_NAME "status.invalid_name_id_policy"
        "This application is not set up correctly" "The sign-in service cannot give the kind of user name that this application asks for. Tell your administrator."
        "Diese Anwendung ist nicht richtig eingerichtet" "Der Anmeldedienst kann die Art von Benutzernamen nicht liefern, die diese Anwendung verlangt. Sagen Sie es Ihrer Administration."
    STATUS_UNKNOWN_PRINCIPAL "status.unknown_principal"
        "You are not known there" "The sign-in service does not know you. Check the account you chose, or ask your administrator."
        "Sie sind dort nicht bekannt" "Der Anmeldedienst kennt Sie nicht. Prüfen Sie das gewählte Konto, oder fragen Sie Ihre Administration."
    STATUS_UNSUPPORTED "status.request_unsupported"
        "This application is not set up correctly" "The sign-in service does not understand how this application asks. Tell your administrator."
        "Diese Anwendung ist nicht richtig eingerichtet" "Der Anmeldedienst versteht nicht, wie diese Anwendung fragt. Sagen Sie es Ihrer Administration."
    STATUS_NO_PROVIDER "status.no_available_idp"
        "Your organisation's sign-in service cannot be reached" "The sign-in was passed on, and nobody could answer it. Please try again later."
        "Der Anmeldedienst Ihrer Organisation ist nicht erreichbar" "Die Anmeldung wurde weitergereicht, und niemand konnte sie beantworten. Bitte versuchen Sie es später erneut."
    STATUS_REQUESTER "status.requester"
        "This application is not set up correctly" "The sign-in service refused what this application asks for. Tell your administrator."
        "Diese Anwendung ist nicht richtig eingerichtet" "Der Anmeldedienst hat abgelehnt, was diese Anwendung verlangt. Sagen Sie es Ihrer Administration."
    STATUS_RESPONDER "status.responder"
        "Your organisation's sign-in service has a problem" "The sign-in service could not complete the sign-in. Please try again later."
        "Der Anmeldedienst Ihrer Organisation hat ein Problem" "Der Anmeldedienst konnte die Anmeldung nicht abschließen. Bitte versuchen Sie es später erneut."
    STATUS_OTHER "status.other"
        "Your organisation did not sign you in" "The sign-in service answered with an error. Please try again, or ask your administrator."
        "Ihre Organisation hat Sie nicht angemeldet" "Der Anmeldedienst hat mit einem Fehler geantwortet. Bitte versuchen Sie es erneut, oder fragen Sie Ihre Administration."
}

macro_rules! entra {
    ($($code:literal $(| $more:literal)* => $english:literal $german:literal)*) => {
        /// Entra's codes that an administrator meets, of those that arrive here at all.
        pub(in crate::gateway) fn of_entra(digits: &str) -> Option<&'static Words> {
            match digits {
                $($code $(| $more)* => {
                    static WORDS: Words = Words { key: concat!("entra.", $code), english: $english, german: $german };
                    Some(&WORDS)
                })*
                _ => None,
            }
        }
        /// Their numbers.
        pub(in crate::gateway) static ENTRA: &[&str] = &[$($code),*];
    };
}

entra! {
    "50003" | "50146" => "The application has no signing certificate at Entra. Your administrator must make one."
        "Die Anwendung hat bei Entra kein Signaturzertifikat. Ihre Administration muss eines erstellen."
    "50011" => "The reply URL of this application is not registered at Entra. Your administrator must register the assertion consumer's URL exactly."
        "Die Antwort-URL dieser Anwendung ist bei Entra nicht eingetragen. Ihre Administration muss die URL des Assertion Consumers genau eintragen."
    "50020" => "Your account belongs to another organisation and is no guest of this one."
        "Ihr Konto gehört zu einer anderen Organisation und ist hier kein Gast."
    "50105" => "You are not assigned to this application. Ask your administrator to assign you or one of your groups."
        "Sie sind dieser Anwendung nicht zugewiesen. Bitten Sie Ihre Administration, Sie oder eine Ihrer Gruppen zuzuweisen."
    "50196" => "Entra has noticed that signing in goes round in circles. Allow cookies for this site and try again."
        "Entra hat bemerkt, dass die Anmeldung im Kreis läuft. Lassen Sie Cookies für diese Website zu, und versuchen Sie es erneut."
    "53003" => "A Conditional Access policy of your organisation does not allow this sign-in."
        "Eine Richtlinie für bedingten Zugriff Ihrer Organisation erlaubt diese Anmeldung nicht."
    "700016" => "Entra does not know this application. Your administrator must compare the Identifier with entity_id, and the tenant."
        "Entra kennt diese Anwendung nicht. Ihre Administration muss den Bezeichner mit entity_id vergleichen, und den Mandanten."
    "650056" | "65005" => "The Identifier at Entra is not the entity_id of this application. Tell your administrator."
        "Der Bezeichner bei Entra ist nicht die entity_id dieser Anwendung. Sagen Sie es Ihrer Administration."
    "75003" => "Entra answers by POST only; the application asks for something else. Tell your administrator."
        "Entra antwortet nur per POST; die Anwendung verlangt etwas anderes. Sagen Sie es Ihrer Administration."
    "75005" | "7500529" => "Entra could not read the request of this application. Tell your administrator."
        "Entra konnte die Anfrage dieser Anwendung nicht lesen. Sagen Sie es Ihrer Administration."
    "75008" => "Entra did not expect the request at this address. Your administrator must compare sso_url."
        "Entra hat die Anfrage unter dieser Adresse nicht erwartet. Ihre Administration muss sso_url vergleichen."
    "75011" => "You signed in in another way than this application asks for. Your administrator should not ask for one: take authn_context away."
        "Sie haben sich anders angemeldet, als diese Anwendung es verlangt. Ihre Administration sollte keine Art verlangen und authn_context entfernen."
    "75016" => "Entra does not know the kind of name that is asked for. Your administrator must change name_id_format."
        "Entra kennt die Art von Namen nicht, die verlangt wird. Ihre Administration muss name_id_format ändern."
    "76021" => "Entra wants the request signed. Your administrator must configure a signing key."
        "Entra verlangt eine signierte Anfrage. Ihre Administration muss einen Signaturschlüssel einrichten."
    "76026" => "The request was too old when it arrived. Your administrator must compare the clocks."
        "Die Anfrage war bei ihrer Ankunft zu alt. Ihre Administration muss die Uhren vergleichen."
    "90015" => "The request was too long for Entra. Your administrator should shorten hints, or send it by POST."
        "Die Anfrage war zu lang für Entra. Ihre Administration sollte hints kürzen oder die Anfrage per POST senden."
    "501241" => "The attribute that your user name is made of is empty. Your administrator must fill it or choose another."
        "Das Attribut, aus dem Ihr Benutzername entsteht, ist leer. Ihre Administration muss es füllen oder ein anderes wählen."
}

/// Every key under which a text can be replaced.
pub(in crate::gateway) fn keys() -> Vec<&'static str> {
    let pages = PAGES.iter().flat_map(|said| [said.title.key, said.text.key]);
    let entra = ENTRA.iter().filter_map(|code| of_entra(code)).map(|words| words.key);
    LABELS.iter().map(|words| words.key).chain(pages).chain(entra).collect()
}
