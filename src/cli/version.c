/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "codec/json_write.h"
#include "provider/catalogue.h"

static void write_json(struct buf *out)
{
    const struct catalogue_info *info = catalogue_info();
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("version"), SLICE(SLUICE_VERSION));
    json_member_string(&w, SLICE("catalogue"), slice_from_cstr(info->source));
    json_member_string(&w, SLICE("catalogue_date"), slice_from_cstr(info->date));
    json_member_int(&w, SLICE("catalogue_models"), (int64_t)info->models);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

static int version_run(int argc, char **argv)
{
    struct arguments arguments;
    int code;
    if (!arguments_begin(&version_command, argc, argv, &arguments, &code)) {
        return code;
    }
    struct buf out = BUF_INIT(4096);
    if (arguments_given(&arguments, "json")) {
        write_json(&out);
    } else {
        buf_append_cstr(&out, "sluice " SLUICE_VERSION "\n");
    }
    return print_data(&out);
}

static const struct argument version_arguments[] = {ARGUMENT_JSON};

const struct command version_command = {
    .name = "version",
    .summary = "print the version",
    .example = "sluice version\nsluice version --json\n",
    .arguments = version_arguments,
    .argument_count = ARRAY_LEN(version_arguments),
    .run = version_run,
};
