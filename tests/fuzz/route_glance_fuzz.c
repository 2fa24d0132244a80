/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a turn says, processors with and without wide vectors see the same rows in it, in their
 * table, and make the same scores of them. */
#include "base/check.h"
#include "route/lanes.h"
#include "route/vocabulary.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void same_scores(const struct glance *glance)
{
#ifdef __SSE2__
    float scores[2][TEXT_LANES];
    float tasks[2][TEXT_LANES];
    float coverage[2];
    if (!vocabulary_get()->wide) {
        return;
    }
    lanes_score_narrow(text_model_default(), glance, scores[0], &coverage[0]);
    lanes_score_wide(text_model_default(), glance, scores[1], &coverage[1]);
    CHECK(coverage[0] == coverage[1]);
    for (unsigned i = 0; i < TEXT_LANES; i++) {
        CHECK(isfinite(scores[0][i]) && fabsf(scores[0][i] - scores[1][i]) < 1e-4F);
    }
    CHECK(lanes_soften_narrow(scores[1], tasks[0]) == lanes_soften_wide(scores[1], tasks[1]));
    for (unsigned i = 0; i < TEXT_LANES; i++) {
        CHECK(tasks[0][i] >= 0 && fabsf(tasks[0][i] - tasks[1][i]) < 1e-4F);
    }
#else
    (void)glance;
#endif
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct features features;
    struct classification classification;
    struct rule_points points;
    struct glance glance;
    struct glance narrow;
    if (!glance_text(slice_of((const char *)bytes, len), &features, &glance)) {
        return 0;
    }
    classify_points(&features, &classification, &points);
    glance_make_narrow(&features, &points, &narrow);
    CHECK(glance.words <= GLANCE_WORDS_MAX && glance.count <= GLANCE_COUNT_MAX);
    CHECK(glance.words == narrow.words && glance.count == narrow.count);
    for (uint32_t i = 0; i < glance.count; i++) {
        CHECK(glance.rows[i] == narrow.rows[i]);
        CHECK(glance.rows[i] < GLANCE_ROWS * GLANCE_STEP && glance.rows[i] % GLANCE_STEP == 0);
    }
    same_scores(&glance);
    return 0;
}
