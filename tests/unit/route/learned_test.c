/* SPDX-License-Identifier: Apache-2.0 */
#include "route/learned.h"

#include "base/memory.h"

#include "tests/tap.h"

#include <stdio.h>
#include <string.h>

static struct weights weights;
static struct target targets[3];
static struct policy policy = {.targets = targets, .target_count = ARRAY_LEN(targets)};
static uint16_t permille[WEIGHTS_HEADS_MAX + 1];

/* One model, which fails where "quasar" stands; it has seen every word. */
static void setup(void)
{
    static struct text_vector vector;
    weights.heads = memory_array(1, sizeof(struct head));
    weights.head_count = 1;
    struct head *head = &weights.heads[0];
    memset(head, 0, sizeof(*head));
    snprintf(head->name, sizeof(head->name), "small");
    head->kind = HEAD_MODEL;
    head->coverage = 1;
    head->bias = 2;
    head->bucket_scale = 1;
    memset(head->buckets, HEAD_SEEN, sizeof(head->buckets));
    vector_of_text(SLICE("quasar"), &vector);
    head->buckets[vector.buckets[0]] = -126 + HEAD_SEEN;
    targets[0].learned = targets[2].learned = 1;
}

static bool ask(const struct slice *texts, size_t count)
{
    struct chat_part parts[4];
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct chat_part){.kind = PART_TEXT, .text = texts[i]};
    }
    struct chat_message messages[] = {
        {.role = ROLE_USER, .parts = parts, .part_count = count},
        {.role = ROLE_ASSISTANT},
    };
    struct chat chat = {.messages = messages, .message_count = ARRAY_LEN(messages)};
    memset(permille, 0xff, sizeof(permille));
    return learned_ask(&weights, &policy, &chat, 0, permille);
}

static void says_of_those_that_it_knows(void)
{
    EXPECT(ask(&SLICE("What is this?"), 1));
    EXPECT(permille[1] > 850 && permille[1] <= 999);
    EXPECT_INT(permille[2], 0);
    EXPECT(ask(&SLICE("What is a Quasar\\n?"), 1)); /* as JSON has it */
    EXPECT(permille[1] < 200 && permille[1] >= 1);
    EXPECT(!ask(&SLICE(""), 1));
    EXPECT(!ask(NULL, 0));
}

static char text[100000];

static unsigned at(size_t place, size_t len)
{
    memset(text, ' ', len);
    memcpy(text, "begin", 5);
    memcpy(text + len - 3, "end", 3);
    memcpy(text + place, " quasar ", 8);
    EXPECT(ask(&(struct slice){text, len}, 1));
    return permille[1];
}

static void reads_both_ends_of_long_turns(void)
{
    static const size_t sizes[] = {600, 1000, 1025, 2000, sizeof(text)};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        EXPECT(at(100, sizes[i]) < 200);
        EXPECT(at(sizes[i] - 120, sizes[i]) < 200);
        EXPECT(at(sizes[i] / 2 - 8, sizes[i]) > 850);
    }
    const struct slice parts[] = {{text, sizeof(text)}, SLICE_INIT("and what is a quasar?")};
    memset(text, ' ', sizeof(text));
    memcpy(text, "begin", 5);
    EXPECT(ask(parts, 2));
    EXPECT(permille[1] < 200);
    /* what is said at the end of a long part is, before a short one that follows it */
    memset(text, ' ', sizeof(text));
    memcpy(text, "begin", 5);
    memcpy(text + sizeof(text) - 30, "and what is a quasar?", 21);
    const struct slice followed[] = {{text, sizeof(text)}, SLICE_INIT("ok")};
    EXPECT(ask(followed, 2));
    EXPECT(permille[1] < 200);
}

/* Cut anywhere, it is text or nothing: sanitizers look on. */
static void escapes_are_cut_anywhere(void)
{
    static const char *const bits[] = {"\\\\", "\\u00e9", "\\n", "\\ud83d\\ude00", "\xc3\xa9"};
    for (size_t k = 0; k < ARRAY_LEN(bits); k++) {
        size_t size = strlen(bits[k]);
        for (size_t i = 0; i + size < 5000; i += size) {
            memcpy(text + i, bits[k], size);
        }
        for (size_t len = 3000; len < 3030; len++) {
            ask(&(struct slice){text, len / size * size}, 1);
        }
    }
    EXPECT(permille[1] >= 1 && permille[1] <= 999);
}

int main(void)
{
    setup();
    TEST(says_of_those_that_it_knows, "says of the targets that it knows how they will do");
    TEST(reads_both_ends_of_long_turns, "of long turns both ends are read, as training reads them");
    TEST(escapes_are_cut_anywhere, "long turns of escapes are read, too");
    weights_release(&weights);
    return tap_done();
}
