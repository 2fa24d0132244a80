/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a chat and the caller's wishes to a plan. The real path, /sluice/v1/explain and `sluice
 * explain` all go through these functions in this order: decide_begin(), decide_classify(),
 * decide_plan(). Pure but for reading live state.
 */
#ifndef SLUICE_GATEWAY_DECIDE_H
#define SLUICE_GATEWAY_DECIDE_H

#include "config/snapshot.h"
#include "gateway/caller.h"
#include "model/tag.h"
#include "net/http.h"
#include "route/plan.h"
#include "route/weights.h"

#define DECISION_MODELS_MAX 16
#define DECISION_NAMES_MAX 64 /* of a `models` list, looked up one by one */

/* What the caller wants of the exact cache. */
enum cache_wish { CACHE_WISH_EXACT, CACHE_WISH_OFF, CACHE_WISH_REFRESH };

/* Who made the call of a tool whose result a request brings. */
struct tool_loop {
    bool found;
    uint16_t target; /* NO_TARGET: it is not in the policy any more */
    int64_t warm_tokens;
    int64_t warm_until_ns;
};

struct decision {
    const struct route *route; /* NULL: targets were named */
    uint16_t models[DECISION_MODELS_MAX];
    /* Plain: what the client calls the model that the target of the same place stands for; empty:
     * the target's own. */
    struct slice called[DECISION_MODELS_MAX];
    size_t model_count;
    struct slice tags[TAGS_MAX]; /* of the caller: tag_count */
    struct constraints constraints;
    struct classification classification;
    /* From here on to the plan everything is cleared when a decision begins. */
    bool task_given;
    size_t tag_count;
    /* What reports and learning go by: the first of the caller's, else the route's, else the key's
     * first; or empty. */
    struct slice tag;
    struct slice session_id;     /* the caller's own word for its conversation, or empty */
    bool in_session;             /* a target has the conversation: */
    struct session_view session; /* see conversation.h */
    bool strict;                 /* a lossy translation is an error */
    bool meta;
    enum cache_wish cache;
    unsigned client_dialect;  /* enum dialect_id */
    const uint64_t *withheld; /* targets that the caller may not use: see struct plan_input */
    unsigned cheaper;         /* so many tiers: see struct plan_input */
    int64_t call_limit_nd;    /* likewise */
    uint64_t rules;           /* bits of the route's rules that may apply */
    uint64_t lot;             /* see struct plan_input */
    bool has_learned;         /* the operator's weights were asked */
    unsigned counted;         /* the tokens were counted with this encoding, 0: estimated */
    struct token_estimate counted_tokens;
    struct plan plan;
    uint16_t learned[WEIGHTS_HEADS_MAX + 1]; /* then what they said: see struct plan_input */
};

/* Which route or targets the model name means, and what headers (may be NULL) and body ask for.
   `caller` NULL: may use everything. The wall clock is for rules that go by the hour. Errors:
   "model_not_found", "invalid_header", "invalid_option", each naming the member. Slices point into
   the chat's bytes or the arena. */
MUST_USE bool decide_begin(const struct snapshot *snapshot, const struct caller *caller,
                           const struct chat *chat, unsigned client_dialect,
                           const struct http_request *request, int64_t wall_ns, struct arena *arena,
                           struct decision *decision, struct error *error);
/* The model of this target that is asked for: plain, its own or the one that it stands for; empty:
 * it stands for models, and the client named none. */
struct slice decide_model(const struct snapshot *snapshot, const struct decision *decision,
                          uint16_t target);
/* Features and, unless the caller said the task, the text model or the rules. */
void decide_classify(const struct snapshot *snapshot, const struct chat *chat,
                     struct features *features, struct decision *decision);
/* `features` as decide_classify() left them. */
void decide_plan(const struct snapshot *snapshot, const struct chat *chat,
                 const struct features *features, int64_t now_ns, struct decision *decision);
/* The same where nobody is kept waiting: long texts are counted, too, where a limit depends on it,
 * as those of calls are by another thread (call_exact.h). */
void decide_plan_at_leisure(const struct snapshot *snapshot, const struct chat *chat,
                            const struct features *features, int64_t now_ns,
                            struct decision *decision);
/* Bits of the dialects that have a word for what is asked, or, with `emulated`, for what we cannot
   make good ourselves (dialect/emulate.h); 0: any. Tokens we can count ourselves. */
unsigned decide_dialects(const struct chat *chat, bool emulated);
/* The plan as JSON, for people and tools:
 * {"route":...,"task":...,"plan":[{"target":...}],"refused":[...]}. */
void decide_write_json(const struct snapshot *snapshot, const struct chat *chat,
                       const struct features *features, const struct decision *decision,
                       struct buf *out);
/* Do checks read the answers of this operation, where a route asks for it? Those that are texts. */
bool decide_is_checked(enum operation operation);
/* The rule of the route that applies, or NULL. */
const struct rule *decide_rule(const struct chat *chat, const struct features *features,
                               const struct decision *decision);
/* The input that plan_entry_explain() wants. */
void decide_plan_input(const struct snapshot *snapshot, const struct chat *chat,
                       const struct features *features, int64_t now_ns,
                       const struct decision *decision, struct plan_input *ret_input);

#endif
