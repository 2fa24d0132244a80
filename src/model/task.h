/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of work, the tiers of targets, and the tier that a task asks for by default.
 * Identifiers are the outer contract. */
#ifndef SLUICE_MODEL_TASK_H
#define SLUICE_MODEL_TASK_H

#include "base/slice.h"

enum tier { TIER_BUDGET, TIER_MID, TIER_PREMIUM, TIER_COUNT };

/*        symbol               identifier            default tier */
#define TASK_LIST(X)                                                                               \
    X(CLASSIFICATION, "classification", TIER_BUDGET)                                               \
    X(EXTRACTION, "extraction", TIER_BUDGET)                                                       \
    X(SUMMARIZATION, "summarization", TIER_BUDGET)                                                 \
    X(TRANSLATION, "translation", TIER_BUDGET)                                                     \
    X(REWRITE, "rewrite", TIER_BUDGET)                                                             \
    X(QA_OPEN, "qa_open", TIER_BUDGET)                                                             \
    X(QA_CLOSED, "qa_closed", TIER_BUDGET)                                                         \
    X(BRAINSTORMING, "brainstorming", TIER_BUDGET)                                                 \
    X(GENERATION, "generation", TIER_MID)                                                          \
    X(REASONING, "reasoning", TIER_PREMIUM)                                                        \
    X(MATH, "math", TIER_PREMIUM)                                                                  \
    X(CHAT, "chat", TIER_BUDGET)                                                                   \
    X(OTHER, "other", TIER_MID)                                                                    \
    X(CODE_COMPLETION, "code_completion", TIER_BUDGET)                                             \
    X(CODE_BOILERPLATE, "code_boilerplate", TIER_BUDGET)                                           \
    X(CODE_DOCS, "code_docs", TIER_BUDGET)                                                         \
    X(CODE_RENAME, "code_rename", TIER_BUDGET)                                                     \
    X(CODE_LINT, "code_lint", TIER_BUDGET)                                                         \
    X(CODE_FUNCTION, "code_function", TIER_MID)                                                    \
    X(CODE_TESTS, "code_tests", TIER_MID)                                                          \
    X(CODE_REVIEW, "code_review", TIER_MID)                                                        \
    X(CODE_FIX, "code_fix", TIER_MID)                                                              \
    X(CODE_ARCHITECTURE, "code_architecture", TIER_PREMIUM)                                        \
    X(CODE_REFACTOR, "code_refactor", TIER_PREMIUM)                                                \
    X(CODE_DEBUGGING, "code_debugging", TIER_PREMIUM)                                              \
    X(CODE_SECURITY, "code_security", TIER_PREMIUM)                                                \
    X(CODE_PERFORMANCE, "code_performance", TIER_PREMIUM)

enum task {
#define X(symbol, name, tier) TASK_##symbol,
    TASK_LIST(X)
#undef X
        TASK_COUNT
};
#define TASK_LANES 32u /* of tables by task that are read as whole vectors */

const char *task_name(enum task task);
enum tier task_default_tier(enum task task);
/* False when no task has this identifier. */
MUST_USE bool task_from_name(struct slice name, enum task *ret_task);
const char *tier_name(enum tier tier); /* budget, mid, premium */
MUST_USE bool tier_from_name(struct slice name, enum tier *ret_tier);
/* By output price in pico-dollars per token: budget up to $0.75 per million, mid up to $8, premium
 * above. */
enum tier tier_from_price(int64_t output_pd);

#endif
