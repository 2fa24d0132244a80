/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/csv.h"

#include <string.h>

void put_csv(struct buf *out, struct slice text)
{
    bool formula = text.len > 0 && memchr("=+-@\t\r", text.ptr[0], 6) != NULL;
    buf_append_cstr(out, formula ? "\"'" : "\"");
    while (text.len > 0) {
        struct slice part = slice_cut(&text, '"');
        bool quoted = part.ptr + part.len < text.ptr;
        buf_append(out, part);
        buf_append_cstr(out, quoted ? "\"\"" : "");
    }
    buf_append_char(out, '"');
}
