/* SPDX-License-Identifier: Apache-2.0 */
/* What the numbers in records are called. */
#include "store/record.h"

const char *attempt_outcome_name(enum attempt_outcome outcome)
{
    static const char *const names[ATTEMPT_OUTCOMES] = {
        [ATTEMPT_OK] = "ok",
        [ATTEMPT_FAILED] = "failed",
        [ATTEMPT_CUT] = "cut",
        [ATTEMPT_CANCELLED] = "cancelled",
        [ATTEMPT_INTERRUPTED] = "interrupted",
    };
    return (unsigned)outcome < ATTEMPT_OUTCOMES ? names[outcome] : "unknown";
}

const char *charge_basis_name(enum charge_basis basis)
{
    static const char *const names[CHARGE_BASES] = {"unrecorded", "nothing", "price", "provider",
                                                    "bound",      "hold",    "cache", "most"};
    return (unsigned)basis < CHARGE_BASES ? names[basis] : "unrecorded";
}

const char *offer_kind_name(enum offer_kind kind)
{
    static const char *const names[OFFER_KINDS] = {
        [OFFER_PRICED] = "priced",
        [OFFER_CEILING] = "ceiling",
        [OFFER_FREE] = "free",
        [OFFER_UNPRICED] = "unpriced",
    };
    return kind >= OFFER_PRICED && kind < OFFER_KINDS ? names[kind] : "unknown";
}

const char *call_verdict_name(enum call_verdict verdict)
{
    static const char *const names[CALL_VERDICTS] = {
        [CALL_UNJUDGED] = "none",
        [CALL_ACCEPTED] = "accept",
        [CALL_EARLY] = "early",
        [CALL_ESCALATED] = "escalate",
    };
    return (unsigned)verdict < CALL_VERDICTS ? names[verdict] : "unknown";
}

const char *attempt_purpose_name(enum attempt_purpose purpose)
{
    static const char *const names[ATTEMPT_PURPOSES] = {
        [ATTEMPT_FOR_ANSWER] = "answer",
        [ATTEMPT_FOR_JUDGE] = "judge",
        [ATTEMPT_FOR_SHADOW] = "shadow",
        [ATTEMPT_FOR_ESCALATION] = "escalation",
    };
    return (unsigned)purpose < ATTEMPT_PURPOSES ? names[purpose] : "unknown";
}
