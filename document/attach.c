#include "document/attach.h"

#include <qpdf/qpdf-c.h>
#include <stdio.h>

/* The embedded file, and the description that names it. */
static qpdf_oh put_file(qpdf_data q, const struct attachment *a)
{
    const qpdf_oh stream = qpdf_oh_new_stream(q);
    const qpdf_oh dict = qpdf_oh_get_dict(q, stream);
    const qpdf_oh params = qpdf_oh_new_dictionary(q);
    const qpdf_oh files = qpdf_oh_new_dictionary(q);
    const qpdf_oh spec = qpdf_oh_new_dictionary(q);

    qpdf_oh_replace_key(q, dict, "/Type", qpdf_oh_new_name(q, "/EmbeddedFile"));
    qpdf_oh_replace_key(q,
                        dict,
                        "/Subtype",
                        qpdf_oh_new_name(q, "/application#2foctet-stream"));
    qpdf_oh_replace_key(
        q, params, "/Size", qpdf_oh_new_integer(q, (long long)a->content.size));
    qpdf_oh_replace_key(q, dict, "/Params", params);
    qpdf_oh_replace_stream_data(q,
                                stream,
                                a->content.at,
                                a->content.size,
                                qpdf_oh_new_null(q),
                                qpdf_oh_new_null(q));
    qpdf_oh_replace_key(q, files, "/F", stream);
    qpdf_oh_replace_key(q, files, "/UF", stream);
    qpdf_oh_replace_key(q, spec, "/Type", qpdf_oh_new_name(q, "/Filespec"));
    qpdf_oh_replace_key(q, spec, "/F", qpdf_oh_new_string(q, a->name));
    qpdf_oh_replace_key(q, spec, "/UF", qpdf_oh_new_unicode_string(q, a->name));
    qpdf_oh_replace_key(
        q, spec, "/Desc", qpdf_oh_new_unicode_string(q, a->about));
    qpdf_oh_replace_key(
        q, spec, "/AFRelationship", qpdf_oh_new_name(q, "/Source"));
    qpdf_oh_replace_key(q, spec, "/EF", files);
    return qpdf_make_indirect_object(q, spec);
}

static void put_catalog(qpdf_data q, const struct attachment *a)
{
    const qpdf_oh root = qpdf_get_root(q);
    const qpdf_oh spec = put_file(q, a);
    const qpdf_oh list = qpdf_oh_new_array(q);
    const qpdf_oh files = qpdf_oh_new_dictionary(q);
    const qpdf_oh names = qpdf_oh_new_dictionary(q);
    const qpdf_oh of_document = qpdf_oh_new_array(q);
    const qpdf_oh view = qpdf_oh_new_dictionary(q);

    qpdf_oh_append_item(q, list, qpdf_oh_new_string(q, a->name));
    qpdf_oh_append_item(q, list, spec);
    qpdf_oh_replace_key(q, files, "/Names", list);
    qpdf_oh_replace_key(q, names, "/EmbeddedFiles", files);
    qpdf_oh_replace_key(q, root, "/Names", names);
    qpdf_oh_append_item(q, of_document, spec);
    qpdf_oh_replace_key(q, root, "/AF", of_document);
    qpdf_oh_replace_key(q, root, "/Lang", qpdf_oh_new_string(q, a->language));
    qpdf_oh_replace_key(
        q, view, "/DisplayDocTitle", qpdf_oh_new_bool(q, QPDF_TRUE));
    qpdf_oh_replace_key(q, root, "/ViewerPreferences", view);
}

static bool failed(qpdf_data q)
{
    return qpdf_has_error(q) == QPDF_TRUE;
}

static bool write_out(struct buf *out, qpdf_data q)
{
    if ((qpdf_init_write_memory(q) & QPDF_ERRORS) != 0)
        return false;
    qpdf_set_deterministic_ID(q, QPDF_TRUE);
    qpdf_set_object_stream_mode(q, qpdf_o_generate);
    qpdf_set_compress_streams(q, QPDF_TRUE);
    if ((qpdf_write(q) & QPDF_ERRORS) != 0 || failed(q))
        return false;
    buf_append(out, qpdf_get_buffer(q), qpdf_get_buffer_length(q));
    return true;
}

bool attach_file(struct buf *out,
                 struct bytes pdf,
                 const struct attachment *a,
                 char *why,
                 size_t cap)
{
    qpdf_data q = qpdf_init();
    bool ok;

    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    ok =
        (qpdf_read_memory(q, "document", (const char *)pdf.at, pdf.size, NULL) &
         QPDF_ERRORS) == 0;
    if (ok)
        put_catalog(q, a);
    ok = ok && !failed(q) && write_out(out, q);
    if (!ok)
        (void)snprintf(why,
                       cap,
                       "%s",
                       failed(q)
                           ? qpdf_get_error_full_text(q, qpdf_get_error(q))
                           : "the PDF library refused");
    qpdf_cleanup(&q);
    return ok;
}
