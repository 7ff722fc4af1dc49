/* Making a backup. */
#include "node/backup.h"
#include "base/check.h"
#include "node/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static enum err refuse(struct backup_result *out,
                       enum err e,
                       const char *what,
                       const char *name)
{
    snprintf(out->why,
             sizeof out->why,
             "%s%s%s: %s",
             what,
             name[0] != '\0' ? ": " : "",
             name,
             err_text(e));
    return e;
}

static enum err in_data_dir(char out[CONFIG_TEXT_MAX],
                            const char *data_dir,
                            const char *name)
{
    const int n = snprintf(out, CONFIG_TEXT_MAX, "%s/%s", data_dir, name);

    return n > 0 && n < CONFIG_TEXT_MAX ? ERR_NONE : ERR_RANGE;
}

void backup_sweep(const char *data_dir)
{
    char path[CONFIG_TEXT_MAX];

    if (in_data_dir(path, data_dir, "backup.tmp") == ERR_NONE)
        backup_remove(path);
}

/* What the checkpoint holds. */
static enum err look(const struct backup_plan *p,
                     const char *checkpoint,
                     struct backup_result *out)
{
    const struct store_options options = {.cache_bytes = 8 << 20,
                                          .read_only = true};
    char message[200];
    struct store *s;
    struct store_view *v;
    struct header h;
    uint64_t indexed;
    enum err e = store_open(
        &s, checkpoint, &p->chain_id, &options, message, sizeof message);

    if (e != ERR_NONE)
        return refuse(out, e, "the copy cannot be opened", message);
    v = store_view_open(s);
    indexed = store_view_height(v);
    store_view_close(v);
    out->height = store_tip_of(s).height;
    out->block_hash = store_tip_of(s).hash;
    e = load_header(&h, s, out->height);
    out->state_root = h.state_root;
    if (e == ERR_NONE && indexed != out->height)
        e = ERR_MISMATCH;
    store_close(s);
    return e == ERR_NONE ? e : refuse(out, e, "the copy is not whole", "");
}

static enum err choose_path(const struct backup_plan *p,
                            struct backup_result *out)
{
    char name[64];

    if (p->to[0] != '\0') {
        if (snprintf(out->path, sizeof out->path, "%s", p->to) >=
            (int)sizeof out->path)
            return refuse(out, ERR_RANGE, "the path is too long", "");
        return ERR_NONE;
    }
    TRY(in_data_dir(out->path, p->data_dir, "backups"));
    (void)mkdir(out->path, 0700); /* the next step tells if it is not there */
    snprintf(
        name, sizeof name, "backups/%llu", (unsigned long long)out->height);
    return in_data_dir(out->path, p->data_dir, name);
}

static enum err put_genesis(const struct backup_plan *p,
                            struct manifest *m,
                            const char *dir)
{
    uint8_t *room = malloc(GENESIS_BYTES_MAX);
    struct writer w = writer_of(room, GENESIS_BYTES_MAX);
    enum err e;

    ASSERT(room != NULL);
    schema_encode(&w, &genesis_schema, p->genesis);
    ASSERT(writer_ok(&w));
    e = backup_put(m, dir, "genesis", writer_bytes(&w));
    free(room);
    return e;
}

static enum err write_files(struct backup_plan *p,
                            const char *checkpoint,
                            struct backup_result *out)
{
    struct manifest m = {.chain_id = p->chain_id,
                         .height = out->height,
                         .block_hash = out->block_hash,
                         .state_root = out->state_root};
    enum err e = backup_copy(&m, out->path, checkpoint, p->spare, &p->watch);

    if (e == ERR_NONE)
        e = put_genesis(p, &m, out->path);
    if (e == ERR_NONE)
        e = backup_finish(&m, out->path);
    out->manifest = manifest_digest(&m);
    out->files = m.count;
    for (uint32_t i = 0; i < m.count; i++)
        out->bytes += m.files[i].size;
    manifest_free(&m);
    if (e == ERR_FULL)
        return refuse(out,
                      e,
                      "there is not enough room for it beside the reserve of "
                      "this node",
                      out->path);
    return e == ERR_NONE
               ? e
               : refuse(out, e, "a file cannot be copied", p->watch.name);
}

enum err backup_make(struct backup_plan *p, struct backup_result *out)
{
    char checkpoint[CONFIG_TEXT_MAX];
    enum err e;

    memset(out, 0, sizeof *out);
    out->chain_id = p->chain_id;
    TRY(in_data_dir(checkpoint, p->data_dir, "backup.tmp"));
    backup_sweep(p->data_dir);
    e = p->checkpoint(p->ctx, checkpoint);
    if (e != ERR_NONE)
        (void)refuse(out, e, "the database cannot be copied", checkpoint);
    if (e == ERR_NONE)
        e = look(p, checkpoint, out);
    if (e == ERR_NONE)
        e = choose_path(p, out);
    if (e == ERR_NONE) {
        e = backup_begin(out->path);
        if (e != ERR_NONE)
            (void)refuse(out,
                         e,
                         e == ERR_EXISTS ? "there is something already"
                                         : "the directory cannot be made",
                         out->path);
        else if ((e = write_files(p, checkpoint, out)) != ERR_NONE)
            backup_remove(out->path);
    }
    backup_sweep(p->data_dir);
    return e;
}
