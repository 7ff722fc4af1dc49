/* What a Byzantine node makes of its frames. */
#include "tests/whole/whole.h"

void byz_begin(void)
{
}

void byz_send(struct whole_node *w,
              int to,
              uint8_t channel,
              uint8_t type,
              struct bytes payload)
{
    net_transmit(w, to, channel, type, payload);
}
