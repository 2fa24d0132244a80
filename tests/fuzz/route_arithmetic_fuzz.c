/* SPDX-License-Identifier: Apache-2.0 */
/* Any text has a finite number of sums, and a vector whose figures are finite. */
#include "base/check.h"
#include "route/arithmetic.h"
#include "route/vector.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct text_vector vector;
    struct slice text = slice_of((const char *)bytes, len);
    struct arithmetic sums;
    arithmetic_check(text, &sums);
    CHECK(sums.right + sums.wrong <= len);
    CHECK(!sums.has_final || isfinite(sums.final_number));
    CHECK(!sums.has_result || isfinite(sums.result));
    vector_of_text(text, &vector);
    CHECK(vector.count <= VECTOR_COUNT_MAX);
    for (size_t i = 0; i < VECTOR_SHAPES; i++) {
        CHECK(isfinite(vector.shapes[i]));
    }
    return 0;
}
