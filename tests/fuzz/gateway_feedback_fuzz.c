/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of feedback: what is taken is in bounds, what is refused has a code. */
#include "base/check.h"
#include "codec/utf8.h"
#include "gateway/feedback.h"
#include "store/evidence_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feedback feedback;
    struct error error;
    error_clear(&error);
    if (feedback_read(slice_of((const char *)data, size), &feedback, &error)) {
        struct slice label = slice_from_cstr(feedback.label);
        CHECK(size <= FEEDBACK_BODY_MAX && feedback.score_ppm <= EVIDENCE_PPM);
        CHECK(label.len <= FEEDBACK_LABEL_MAX && utf8_valid(label));
    } else {
        CHECK(error.code != NULL && error.code[0] != '\0' && error.text[0] != '\0');
    }
    return 0;
}
