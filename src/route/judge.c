/* SPDX-License-Identifier: Apache-2.0 */
#include "route/judge.h"

/*
 * Of 1,000 requests of a task, how many a target of each tier answers well enough. Questions,
 * mathematics and functions: as often as open models of 7 to 9 billion parameters and of 50
 * billion, Mixtral-8x7B and GPT-4 did on the rows of LLMRouter and RouteLLM. The others have no
 * public outcomes by tier; they are set so that a tier below the task's default misses more than
 * one in ten.
 */
static const uint16_t chances[TASK_COUNT][TIER_COUNT] = {
    [TASK_CLASSIFICATION] = {915, 950, 970},
    [TASK_EXTRACTION] = {910, 950, 970},
    [TASK_SUMMARIZATION] = {910, 945, 965},
    [TASK_TRANSLATION] = {905, 945, 970},
    [TASK_REWRITE] = {920, 955, 970},
    [TASK_QA_OPEN] = {800, 875, 920},
    [TASK_QA_CLOSED] = {910, 950, 970},
    [TASK_BRAINSTORMING] = {930, 960, 970},
    [TASK_GENERATION] = {850, 925, 960},
    [TASK_REASONING] = {520, 690, 860},
    [TASK_MATH] = {620, 740, 880},
    [TASK_CHAT] = {960, 975, 985},
    [TASK_OTHER] = {800, 900, 950},
    [TASK_CODE_COMPLETION] = {900, 940, 960},
    [TASK_CODE_BOILERPLATE] = {920, 955, 970},
    [TASK_CODE_DOCS] = {930, 960, 975},
    [TASK_CODE_RENAME] = {930, 960, 975},
    [TASK_CODE_LINT] = {920, 955, 970},
    [TASK_CODE_FUNCTION] = {740, 900, 940},
    [TASK_CODE_TESTS] = {780, 910, 950},
    [TASK_CODE_REVIEW] = {740, 900, 945},
    [TASK_CODE_FIX] = {720, 900, 940},
    [TASK_CODE_ARCHITECTURE] = {560, 770, 910},
    [TASK_CODE_REFACTOR] = {600, 790, 910},
    [TASK_CODE_DEBUGGING] = {450, 680, 870},
    [TASK_CODE_SECURITY] = {550, 750, 900},
    [TASK_CODE_PERFORMANCE] = {560, 760, 900},
};

void judge_task(enum task task, struct judgement *judgement)
{
    for (unsigned tier = 0; tier < TIER_COUNT; tier++) {
        judgement->success_permille[tier] = chances[task][tier];
    }
    judgement->familiarity_permille = 0;
}
