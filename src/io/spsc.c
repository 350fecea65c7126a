/* Set-up of the ring in spsc.h. The ring's owner creates it before the second thread starts and
 * destroys it after that thread has ended. [X] */
#include "io/spsc.h"

#include "base/memory.h"
#include <string.h>

void spsc_init(struct spsc *ring, uint32_t capacity, uint32_t slot_size)
{
    assert(capacity > 0);
    assert((capacity & (capacity - 1)) == 0);
    memset(ring, 0, sizeof(*ring));
    ring->slots = mem_alloc((size_t)capacity * slot_size);
    ring->slot_size = slot_size;
    ring->mask = capacity - 1;
}

void spsc_deinit(struct spsc *ring)
{
    mem_free(ring->slots);
    ring->slots = NULL;
}
