/* SPDX-License-Identifier: Apache-2.0 */
#include "route/classify.h"

#include "tests/tap.h"
#include "tests/unit/route/prompts_code.h"
#include "tests/unit/route/prompts_terse.h"
#include "tests/unit/route/support.h"

static struct features features;

static struct classification classify_text(const char *text)
{
    struct classification classification;
    support_features(text, &features);
    classify(&features, &classification);
    return classification;
}

/* Every prompt of one task; each that is taken for something else is printed and fails the point.
 */
static size_t expect_task(enum task task, const struct labelled_prompt *prompts, size_t count)
{
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (prompts[i].task != task) {
            continue;
        }
        seen++;
        struct classification c = classify_text(prompts[i].text);
        if (c.task != task) {
            tap_point_failed = true;
            printf("# %s taken for %s (%s, %.2f): %.90s\n", task_name(task), task_name(c.task),
                   c.reason, c.confidence, prompts[i].text);
        }
    }
    return seen;
}

static enum task current_task;

static void prompts_of_task(void)
{
    size_t seen = expect_task(current_task, prompts_general, ARRAY_LEN(prompts_general));
    seen += expect_task(current_task, prompts_code, ARRAY_LEN(prompts_code));
    EXPECT(seen >= 12);
    (void)expect_task(current_task, prompts_terse, ARRAY_LEN(prompts_terse));
}

int main(void)
{
    for (current_task = 0; current_task < TASK_COUNT; current_task++) {
        char name[96];
        snprintf(name, sizeof(name), "prompts of %s are recognised", task_name(current_task));
        TEST(prompts_of_task, name);
    }
    support_reset();
    return tap_done();
}
