/* SPDX-License-Identifier: Apache-2.0 */
/* Parses each file named on the command line; the first letter of its name says what must come of
   it: y(es), n(o) or i(mplementation's choice). TAP on stdout. */
#include "base/buf.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>

static bool file_read(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    char *room;
    size_t got = 0;
    do {
        room = buf_reserve(out, 65536);
        got = room == NULL ? 0 : fread(room, 1, 65536, file);
        out->len += got;
    } while (got > 0);
    bool ok = ferror(file) == 0 && !out->failed;
    (void)fclose(file);
    return ok;
}

static bool file_check(const char *path, char wanted)
{
    struct buf text = BUF_INIT((size_t)64 << 20);
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    bool readable = file_read(path, &text);
    bool accepted = readable && json_parse(&doc, buf_slice(&text), NULL, &error);
    if (readable && !accepted) {
        printf("# %s: %s\n", error.code, error.text);
    }
    json_doc_release(&doc);
    buf_release(&text);
    return readable && (wanted == 'i' || accepted == (wanted == 'y'));
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        const char *name = slash == NULL ? argv[i] : slash + 1;
        bool ok = file_check(argv[i], name[0]);
        printf("%sok %d - %s\n", ok ? "" : "not ", i, name);
        failed += !ok;
    }
    printf("1..%d\n", argc - 1);
    return failed == 0 && argc > 1 ? 0 : 1;
}
