/* SPDX-License-Identifier: Apache-2.0 */
/* What Redis says was kept: anything at all. What is read writes the same bytes again. */
#include "gateway/answer_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer_value value;
    struct slice bytes = slice_of((const char *)data, size);
    if (!answer_value_read(bytes, &value)) {
        return 0;
    }
    struct buf out = BUF_INIT((size_t)1 << 24);
    CHECK(answer_value_write(&value, &out));
    CHECK(slice_eq(buf_slice(&out), bytes));
    buf_release(&out);
    return 0;
}
