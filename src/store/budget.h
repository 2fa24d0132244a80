/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may still be spent and asked on this node: the authority in memory, shared by all workers,
 * behind one short lock. A call enters with the scopes that pay for it (its key, user, team,
 * organisation); each has an account as a whole and, where a limit names the call's route, one for
 * that route. A hold takes the worst case of one attempt from every account at once or from none,
 * those of limits that name the attempt's target among them; it is settled exactly once, with what
 * the attempt cost. So spent + held never exceeds a hard cap,
 * whatever the workers do at the same time. The ledger keeps what was spent: budget_load() begins
 * where it ended.
 *
 * Time. Days, weeks and months are those of the process's time zone (TZ). A period ends when the
 * wall clock reaches its end, or, if the wall clock was turned back behind its beginning, when as
 * long as it lasts has passed on the monotonic clock: a clock that jumps there and back resets
 * nothing twice, nor with a restart in between: what the ledger says was spent later than now
 * counts now, and again in its own period. An attempt counts from when it was held, whenever it is
 * settled. Rolling caps and the limits of a minute run on the monotonic clock alone, in buckets
 * that are kept until all of them is too old: never more than the limit in any such span. At a
 * start rolling caps go on where the ledger's own time ended (ledger_clock.h): what passed since
 * counts when the clock has run evenly for some minutes, so a start with a clock that is ahead
 * empties none.
 *
 * Accounts live as long as the budget: one for each scope that paid for a call. Amounts are
 * nano-dollars. Any thread, unless it says otherwise.
 */
#ifndef SLUICE_STORE_BUDGET_H
#define SLUICE_STORE_BUDGET_H

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "store/limits.h"

struct budget;
struct budget_account;

/* NULL: out of memory. The clock outlives it. */
MUST_USE struct budget *budget_new(const struct clock *clock);
/* NULL-safe. No claim may be left. */
void budget_free(struct budget *budget);

/* Who pays, and the limits that were read with it. Borrowed during the call of a function. */
struct budget_payer {
    uint64_t generation;          /* of the rules: those of an older one change nothing */
    uint64_t scopes[SCOPE_KINDS]; /* 0: none of this kind */
    const struct scope_rule *rules[SCOPE_KINDS];
    size_t rule_counts[SCOPE_KINDS];
};

enum budget_limit {
    BUDGET_CAP,
    BUDGET_CALL_COST, /* the worst case of one call */
    BUDGET_REQUESTS,  /* per minute */
    BUDGET_TOKENS,    /* per minute */
    BUDGET_PARALLEL,
    BUDGET_BLOCKED, /* see budget_block() */
    BUDGET_LIMITS
};

/* The limit that was in the way. */
struct budget_refusal {
    enum budget_limit limit;
    enum scope_kind kind;
    uint64_t scope;
    const char *model;      /* the route or target that it is a limit for; NULL: for all */
    bool of_target;         /* it stands only against this attempt: another target may do */
    enum cap_period period; /* of a cap */
    int64_t window_s;       /* of a rolling one */
    int64_t allowed;        /* nano-dollars, calls or tokens, as `limit` says */
    int64_t used;           /* settled and held */
    int64_t wanted;
    int64_t reset_ms; /* until the same may fit; -1: time alone does not help */
    bool leasable; /* the limit has room for it, this node's lease has not: wait (budget_lease.h) */
    bool away;     /* and who grants leases cannot be reached */
};

/* What one call has in the budget: zeroed by its owner, entered, left exactly once. */
#define BUDGET_ACCOUNTS_MAX (2 * SCOPE_KINDS)
/* A target has two names: its own, and provider/model. */
#define BUDGET_TARGET_NAMES 2
struct budget_claim {
    struct budget_account *accounts[BUDGET_ACCOUNTS_MAX];
    unsigned count;
    bool entered;
    bool capped; /* a hard cap or a limit per call applies: its streams are watched */
    bool paced;
    bool metered;          /* a limit of tokens per minute applies */
    bool rated;            /* that, or one of requests */
    int64_t call_limit_nd; /* the least that an account allows one call; 0: none says anything, or
                              nothing */
    bool patient;          /* set by its owner: would wait for a lease, see budget_lease.h */
    int64_t since_ns;      /* also: monotonic, when it began to wait for this; 0: it has not */
    int64_t token_holds[BUDGET_ACCOUNTS_MAX]; /* for the limits of a minute, of each account */
    int64_t tokens_open;                      /* bounds of its open holds */
    int64_t tokens_used;                      /* by those that are settled */
    int64_t spent_nd;                         /* of all its attempts */
    int64_t held_nd;
};

/* Rates and calls at the same time, once for each call: of the scopes as a whole, before anything
 * is known of the request. False: refused, nothing is taken, the claim is empty; out of memory
 * looks like a full BUDGET_PARALLEL. */
MUST_USE bool budget_enter(struct budget *budget, const struct budget_payer *payer,
                           struct budget_claim *claim, struct budget_refusal *ret_refusal);
/* The same for the limits of the route that the request means, however it was spelled. Of an
 * entered claim, at most once. */
MUST_USE bool budget_enter_model(struct budget *budget, const struct budget_payer *payer,
                                 struct slice model, struct budget_claim *claim,
                                 struct budget_refusal *ret_refusal);
/* The call is over, its holds are settled; `tokens` is what it took. Claims that never entered may
 * leave, too. */
void budget_leave(struct budget *budget, struct budget_claim *claim, int64_t tokens);

/*
 * What one attempt wants. Of limits of tokens in a minute its bound is held, or the whole limit
 * where the bound is larger, on top of what earlier attempts of the call took: so only a call that
 * was expected to fit and turns out larger than the limit all by itself can go over it.
 */
struct budget_want {
    int64_t amount_nd;                /* worst case */
    int64_t tokens;                   /* worst case of input and output; 0: not counted */
    int64_t expected_tokens;          /* more than a limit: refused for good, whatever is held */
    const struct budget_payer *payer; /* whose limits may name the target; NULL: none do */
    struct slice target[BUDGET_TARGET_NAMES]; /* its names */
};

struct budget_hold {
    int64_t amount_nd;
    int64_t tokens;      /* of the want */
    int64_t tokens_used; /* set by the owner before it is settled */
    struct budget_account *accounts[BUDGET_TARGET_NAMES * SCOPE_KINDS]; /* of the target alone */
    int64_t token_holds[BUDGET_TARGET_NAMES * SCOPE_KINDS];
    unsigned count;
    int64_t held_ns;               /* monotonic: when it was taken */
    uint32_t serials[CAP_PERIODS]; /* of the periods that it counts for */
    bool open;
};

/* Takes the worst case of one attempt from every account, or from none: those of the claim, and
 * those that the payer has for the target, which the hold enters (requests, tokens, calls at the
 * same time) and leaves when it is settled. */
MUST_USE bool budget_hold(struct budget *budget, struct budget_claim *claim,
                          const struct budget_want *want, struct budget_hold *ret_hold,
                          struct budget_refusal *ret_refusal);
/* What limits that name the target ask of its streams: hard caps, limits of tokens. */
struct budget_target_limits {
    bool capped;
    bool metered;
};
void budget_target_limits(const struct budget_payer *payer,
                          const struct slice names[BUDGET_TARGET_NAMES],
                          struct budget_target_limits *ret_limits);
/* Does a limit of the payer name anything at all? */
MUST_USE bool budget_payer_names(const struct budget_payer *payer);
/* The names for which the hold counts besides, with a newline between each two: of the route and
 * of the target. Returns the length; nothing is cut. */
#define BUDGET_NAMES_SIZE ((1 + BUDGET_TARGET_NAMES) * SCOPE_NAME_SIZE)
size_t budget_hold_names(const struct budget_claim *claim, const struct budget_hold *hold,
                         char out[BUDGET_NAMES_SIZE]);
/* Enlarges an open hold, while a stream turns out longer than it could be. */
MUST_USE bool budget_extend(struct budget *budget, struct budget_claim *claim, int64_t more_nd,
                            struct budget_hold *hold, struct budget_refusal *ret_refusal);
/* Closes a hold at what the attempt cost; 0: it was never sent. A closed one: nothing happens. */
void budget_settle(struct budget *budget, struct budget_claim *claim, struct budget_hold *hold,
                   int64_t cost_nd);

/* From now on the key of the claim enters no more, until its payer comes with a generation of at
 * least `until`. */
void budget_block(struct budget *budget, uint64_t key, uint64_t until);

/* How many tiers cheaper the call should be served, where a limit says `pace`, or, with `all`, by
 * the caps of every limit: spending that is ahead of the period's time by enough. 0, 1 or 2. */
unsigned budget_pressure(struct budget *budget, const struct budget_claim *claim, bool all);
/* What it would be for a call of this payer that means this route. Nothing is entered. */
unsigned budget_pressure_of(struct budget *budget, const struct budget_payer *payer,
                            struct slice route, bool all);

/* The tightest limits of a minute that apply to the call, for headers. */
struct budget_rate {
    int64_t limit; /* LIMIT_NONE: there is none */
    int64_t remaining;
    int64_t reset_ms; /* until all of it is there again */
};
void budget_rates(struct budget *budget, const struct budget_claim *claim,
                  struct budget_rate *ret_requests, struct budget_rate *ret_tokens);

/* --- the start --- */

/* What was spent before this process: `bucket_s` is when the quarter of an hour began. Before the
 * first claim; rules with rolling caps have been introduced. */
MUST_USE bool budget_seed(struct budget *budget, enum scope_kind kind, uint64_t scope,
                          struct slice model, int64_t bucket_s, int64_t spent_nd);
/* Makes the account of the rule and its limits known. */
MUST_USE bool budget_introduce(struct budget *budget, uint64_t generation,
                               const struct scope_rule *rule);
/* All rules, and all that the database at `path` says was spent: the ledger has been opened, so
 * that what a crash left is charged in it. */
MUST_USE bool budget_load(struct budget *budget, const char *path, uint64_t generation,
                          const struct scope_rule *rules, size_t rule_count, struct error *error);
#define BUDGET_BUCKET_S 900
/* New rules, before anybody enters with them: a rolling cap that was not there before, or had
 * another span, begins with what the database at `path` says was spent in it. `flush` brings into
 * that what is known (false: it cannot); without the database all that was ever spent counts. Some
 * of what is spent meanwhile may count twice, none is missing. Blocks; one thread at a time. */
MUST_USE bool budget_renew(struct budget *budget, const char *path, uint64_t generation,
                           const struct scope_rule *rules, size_t rule_count,
                           bool (*flush)(void *user), void *user);

/* --- what people must know --- */

/* One threshold of a cap that was reached: 50, 80 or 100 % of it is spent, or a hold was refused
 * (`refused`). Once for each period. */
struct budget_alert {
    enum scope_kind kind;
    uint64_t scope;
    char model[SCOPE_NAME_SIZE];
    struct spend_cap cap;
    unsigned percent;
    bool refused;
    int64_t spent_nd;
    int64_t held_nd;
    int64_t wall_ns;
    int64_t period_s; /* when the day, week or month began; 0: of other caps */
};
/* Is called, from any thread and with no lock held, when the first alert waits. Before the first
 * claim. */
void budget_on_alert(struct budget *budget, void (*wake)(void *user), void *user);
/* The oldest one. False: there is none. */
MUST_USE bool budget_next_alert(struct budget *budget, struct budget_alert *ret_alert);

struct budget_stats {
    uint64_t accounts;
    uint64_t refused[BUDGET_LIMITS];
    uint64_t alerts_lost; /* nobody took those before them */
    int64_t held_nd;      /* of all keys */
};
void budget_stats_read(struct budget *budget, struct budget_stats *ret_stats);

/* What the accounts of one scope say now; false: nothing is known of it. For tests and for the
 * admin API. */
struct budget_balance {
    int64_t spent_nd[CAP_PERIODS]; /* [CAP_ROLLING]: unused */
    int64_t held_nd;
    int64_t parallel;
    int64_t rolling_nd[SCOPE_CAPS_MAX]; /* as the caps of its limits */
    int64_t ends_s[CAP_PERIODS];        /* when the period is over; 0: never */
};
MUST_USE bool budget_balance_read(struct budget *budget, enum scope_kind kind, uint64_t scope,
                                  struct slice model, struct budget_balance *ret_balance);

#endif
