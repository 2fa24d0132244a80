/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cluster_link.h"

#include "store/ledger_schema.h"

/* A ledger that is not there yet is made, as a change of its keys would make it. */
static bool prepare(const char *path, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_CREATE, error);
    bool done = db != NULL && ledger_schema_prepare(db, path, error);
    sqlite3_close(db);
    return done;
}

bool cluster_link_open(struct cluster_link *link, const struct ledger_place *place,
                       struct error *error)
{
    *link = (struct cluster_link){0};
    if (place->postgres == NULL) {
        return true;
    }
    const struct member_options options = {
        .path = place->path,
        .node = slice_from_cstr(place->node),
        .connection = place->postgres,
        .version = SLUICE_VERSION,
    };
    if (!load_make_directory(place->path, error) || !prepare(place->path, error)) {
        return false;
    }
    link->member = member_new(&options, error);
    link->share = link->member == NULL
                      ? NULL
                      : share_new(&(struct share_options){.member = link->member}, error);
    link->reports = link->share == NULL ? NULL : cluster_reports_new(link->member, error);
    if (link->reports == NULL) {
        cluster_link_close(link);
        return false;
    }
    return true;
}

void cluster_link_close(struct cluster_link *link)
{
    share_free(link->share);
    cluster_reports_free(link->reports);
    member_free(link->member);
    *link = (struct cluster_link){0};
}
