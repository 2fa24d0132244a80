/* SPDX-License-Identifier: Apache-2.0 */
/* What encoders remember of calls and choices, and what they do without memory. */
#include "dialect/encoder.h"

#include "base/memory.h"
#include "tests/tap.h"

static const struct answer_head head = {
    .call_id = SLICE_INIT("call-1"),
    .model = SLICE_INIT("model-1"),
    .created_s = 1700000000,
};

static void begins_each_choice_once(void)
{
    struct encoder *e = encoder_new(&head);
    for (uint32_t choice = 0; choice < DECODER_CHOICES_MAX; choice++) {
        EXPECT(encoder_begin_choice(e, choice));
    }
    for (uint32_t choice = 0; choice < DECODER_CHOICES_MAX; choice++) {
        EXPECT(!encoder_begin_choice(e, choice));
    }
    encoder_free(e);
}

static struct event call_event(uint32_t choice, uint32_t index, struct slice text)
{
    return (struct event){.choice = choice, .index = index, .text = text};
}

static void arguments_belong_to_their_call(void)
{
    struct encoder *e = encoder_new(&head);
    for (uint32_t i = 0; i < 20; i++) {
        struct event event = call_event(i % 2, i / 2, SLICE_EMPTY);
        EXPECT(encoder_begin_call(e, &event));
    }
    struct event nothing = call_event(1, 3, SLICE_EMPTY);
    struct event some = call_event(0, 7, SLICE("{}"));
    struct event unknown = call_event(9, 0, SLICE("{}"));
    encoder_note_arguments(e, &nothing);
    encoder_note_arguments(e, &some);
    encoder_note_arguments(e, &unknown);
    for (size_t i = 0; i < e->call_count; i++) {
        bool is_some = e->calls[i].choice == 0 && e->calls[i].index == 7;
        EXPECT_INT(e->calls[i].has_arguments, is_some);
    }
    EXPECT_INT(e->call_count, 20);
    encoder_free(e);
}

static void names_have_a_ceiling(void)
{
    static char name[(64 << 10) + 1];
    struct answer_head large = head;
    memset(name, 'm', sizeof(name));
    large.model = slice_of(name, sizeof(name) - 1);
    struct encoder *e = encoder_new(&large);
    EXPECT(e != NULL);
    encoder_free(e);
    large.model = slice_of(name, sizeof(name));
    EXPECT(encoder_new(&large) == NULL);
    encoder_free(NULL);
}

static void expect_unsaid(struct event event, const char *wanted)
{
    EXPECT_SLICE(encoder_unsaid(&event), wanted);
}

static void what_has_no_word_has_a_name(void)
{
    expect_unsaid((struct event){.kind = EVENT_REFUSAL}, "refusal");
    expect_unsaid((struct event){.kind = EVENT_REASONING}, "reasoning");
    expect_unsaid((struct event){.kind = EVENT_SIGNATURE}, "reasoning_signature");
    expect_unsaid((struct event){.kind = EVENT_SIGNATURE, .id = SLICE("call")}, "");
    expect_unsaid((struct event){.kind = EVENT_OPAQUE}, "reasoning_encrypted");
    expect_unsaid((struct event){.kind = EVENT_TEXT}, "");
    expect_unsaid((struct event){.kind = EVENT_USAGE}, "");
    expect_unsaid((struct event){.kind = EVENT_END}, "");
}

#ifdef SLUICE_FAULTS
static void memory_that_is_not_there_is_reported(void)
{
    struct event event = call_event(0, 0, SLICE_EMPTY);
    bool failed = true;
    for (int64_t nth = 0; failed; nth++) {
        memory_fail_nth(nth);
        struct encoder *e = encoder_new(&head);
        bool begun = e != NULL && encoder_begin_call(e, &event);
        failed = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT_INT(begun, !failed);
        EXPECT(e == NULL || e->call_count == (begun ? 1 : 0));
        encoder_free(e);
    }
}
#endif

int main(void)
{
    TEST(begins_each_choice_once, "each choice begins once");
    TEST(arguments_belong_to_their_call, "arguments are noted at the call they belong to");
    TEST(names_have_a_ceiling, "a name beyond the ceiling is refused");
    TEST(what_has_no_word_has_a_name,
         "what a dialect has no word for has a name, the rest has none");
#ifdef SLUICE_FAULTS
    TEST(memory_that_is_not_there_is_reported, "out of memory is reported at every allocation");
#endif
    return tap_done();
}
