#include "net/queue.h"

#include "base/check.h"
#include "base/reader.h"
#include "base/writer.h"

enum err queue_init(struct out_queue *q)
{
    memset(q, 0, sizeof *q);
    for (int i = 0; i < CLASSES; i++) {
        q->of[i] = evbuffer_new();
        if (q->of[i] == NULL) {
            queue_deinit(q);
            return ERR_NO_MEMORY;
        }
    }
    return ERR_NONE;
}

void queue_deinit(struct out_queue *q)
{
    for (int i = 0; i < CLASSES; i++) {
        if (q->of[i] != NULL)
            evbuffer_free(q->of[i]);
        q->of[i] = NULL;
    }
}

size_t queue_bytes_of(const struct out_queue *q, uint8_t class)
{
    ASSERT(class < CLASSES);
    return evbuffer_get_length(q->of[class]);
}

size_t queue_bytes(const struct out_queue *q)
{
    size_t sum = 0;

    for (uint8_t i = 0; i < CLASSES; i++)
        sum += queue_bytes_of(q, i);
    return sum;
}

enum err queue_put(struct out_queue *q,
                   uint8_t class,
                   uint8_t type,
                   struct bytes payload)
{
    struct evbuffer *to = q->of[class];
    uint8_t head[FRAME_HEADER_BYTES];
    struct writer w = writer_of(head, sizeof head);

    writer_u32(&w, (uint32_t)payload.size);
    writer_u8(&w, type);
    writer_u8(&w, FRAME_VERSION);
    if (evbuffer_expand(to, sizeof head + payload.size) != 0)
        return ERR_NO_MEMORY;
    evbuffer_add(to, head, sizeof head); /* there is room: it cannot fail */
    if (payload.size > 0)
        evbuffer_add(to, payload.at, payload.size);
    return ERR_NONE;
}

static size_t next_frame(struct evbuffer *b)
{
    uint8_t head[FRAME_HEADER_BYTES];
    struct reader r = reader_of(bytes_of(head, sizeof head));

    if (evbuffer_copyout(b, head, sizeof head) < (ev_ssize_t)sizeof head)
        return 0;
    return sizeof head + reader_u32(&r);
}

void queue_move(struct out_queue *q, struct evbuffer *to, size_t until)
{
    for (int i = 0; i < CLASSES; i++) {
        while (evbuffer_get_length(to) < until) {
            const size_t size = next_frame(q->of[i]);

            if (size == 0)
                break;
            evbuffer_remove_buffer(q->of[i], to, size);
        }
    }
}
