#include "coordinator/store/chain.h"

#include <sodium.h>

static void add_number(crypto_generichash_state *state, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    crypto_generichash_update(state, bytes, sizeof(bytes));
}

void lk_chain_begin(struct lk_chain *chain, const uint8_t cluster[LK_CLUSTER_BYTES])
{
    chain->seq = 0;
    crypto_generichash(chain->sum, sizeof(chain->sum), cluster, LK_CLUSTER_BYTES, NULL, 0);
}

void lk_chain_add(struct lk_chain *chain, uint32_t format, struct lk_str record)
{
    crypto_generichash_state state;

    chain->seq++;
    crypto_generichash_init(&state, NULL, 0, sizeof(chain->sum));
    crypto_generichash_update(&state, chain->sum, sizeof(chain->sum));
    add_number(&state, chain->seq);
    add_number(&state, format);
    crypto_generichash_update(&state, (const unsigned char *)record.data, record.len);
    crypto_generichash_final(&state, chain->sum, sizeof(chain->sum));
}
