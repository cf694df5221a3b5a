/* The little of DPDK that a port of the user plane needs, as ordinary functions: most of its fast path is inline and cannot be
 * called from elsewhere. What returns an int returns a negative number of <errno.h> where it fails. */

#include <errno.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

/* Buffers that a thread keeps to itself at most. */
#define CACHE 256

int peregrine_dpdk_start(int count, char **arguments) {
    return rte_eal_init(count, arguments) < 0 ? -rte_errno : 0;
}

void peregrine_dpdk_end(void) {
    rte_eal_cleanup();
}

int peregrine_dpdk_enter_thread(void) {
    return rte_thread_register() < 0 ? -rte_errno : 0;
}

void peregrine_dpdk_leave_thread(void) {
    rte_thread_unregister();
}

int peregrine_dpdk_device(const char *name) {
    uint16_t device;
    int done = rte_eth_dev_get_port_by_name(name, &device);
    return done < 0 ? done : device;
}

int peregrine_dpdk_mac(uint16_t device, uint8_t mac[6]) {
    struct rte_ether_addr address;
    int done = rte_eth_macaddr_get(device, &address);
    if (done == 0)
        memcpy(mac, address.addr_bytes, 6);
    return done;
}

struct rte_mempool *peregrine_dpdk_pool(const char *name, uint16_t device, uint32_t count, uint16_t room, int *why) {
    /* On the memory next to the device, where there are several. */
    int socket = rte_eth_dev_socket_id(device);
    struct rte_mempool *pool = rte_pktmbuf_pool_create(name, count, CACHE, 0, RTE_PKTMBUF_HEADROOM + room,
                                                       socket < 0 ? SOCKET_ID_ANY : socket);
    *why = pool == NULL ? -rte_errno : 0;
    return pool;
}

void peregrine_dpdk_free_pool(struct rte_mempool *pool) {
    rte_mempool_free(pool);
}

uint32_t peregrine_dpdk_in_use(const struct rte_mempool *pool) {
    return rte_mempool_in_use_count(pool);
}

static int set_up_queues(uint16_t device, uint16_t queues, uint16_t received, uint16_t sent, struct rte_mempool *pool) {
    int socket = rte_eth_dev_socket_id(device);
    for (uint16_t queue = 0; queue < queues; queue++) {
        int done = rte_eth_rx_queue_setup(device, queue, received, socket, NULL, pool);
        if (done == 0)
            done = rte_eth_tx_queue_setup(device, queue, sent, socket, NULL);
        if (done != 0)
            return done;
    }
    return 0;
}

int peregrine_dpdk_start_device(uint16_t device, uint16_t queues, uint16_t descriptors, uint16_t mtu,
                                struct rte_mempool *pool) {
    struct rte_eth_dev_info info;
    int done = rte_eth_dev_info_get(device, &info);
    if (done != 0)
        return done;
    if (queues > info.max_rx_queues || queues > info.max_tx_queues)
        return -ERANGE;
    struct rte_eth_conf wanted;
    memset(&wanted, 0, sizeof wanted);
    /* Else what it has: some devices would change that of an interface below. */
    if (mtu > RTE_ETHER_MTU)
        wanted.rxmode.mtu = mtu;
    if (queues > 1) {
        wanted.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        wanted.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
        if (wanted.rx_adv_conf.rss_conf.rss_hf == 0)
            wanted.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
    }
    done = rte_eth_dev_configure(device, queues, queues, &wanted);
    if (done != 0)
        return done;
    uint16_t received = descriptors, sent = descriptors;
    done = rte_eth_dev_adjust_nb_rx_tx_desc(device, &received, &sent);
    if (done == 0)
        done = set_up_queues(device, queues, received, sent, pool);
    if (done == 0)
        done = rte_eth_dev_start(device);
    if (done != 0)
        return done;
    /* Multicast, for the system's Neighbour Discovery; a device that cannot choose has it, or does without. */
    rte_eth_allmulticast_enable(device);
    return 0;
}

void peregrine_dpdk_stop_device(uint16_t device) {
    rte_eth_dev_stop(device);
}

void peregrine_dpdk_close_device(uint16_t device) {
    rte_eth_dev_close(device);
}

uint16_t peregrine_dpdk_receive(uint16_t device, uint16_t queue, struct rte_mbuf **buffers, uint16_t count) {
    return rte_eth_rx_burst(device, queue, buffers, count);
}

uint16_t peregrine_dpdk_send(uint16_t device, uint16_t queue, struct rte_mbuf **buffers, uint16_t count) {
    return rte_eth_tx_burst(device, queue, buffers, count);
}

int peregrine_dpdk_take(struct rte_mempool *pool, struct rte_mbuf **buffers, uint16_t count) {
    return rte_pktmbuf_alloc_bulk(pool, buffers, count);
}

void peregrine_dpdk_give_back(struct rte_mbuf **buffers, uint16_t count) {
    rte_pktmbuf_free_bulk(buffers, count);
}

/* The frame in a buffer; NULL where it goes on in another one. */
const uint8_t *peregrine_dpdk_frame(const struct rte_mbuf *buffer, uint16_t *length) {
    *length = rte_pktmbuf_data_len(buffer);
    return buffer->nb_segs == 1 ? rte_pktmbuf_mtod(buffer, const uint8_t *) : NULL;
}

/* Where a frame is written in an empty buffer, and how long it may be. */
uint8_t *peregrine_dpdk_room(struct rte_mbuf *buffer, uint16_t *length) {
    *length = rte_pktmbuf_tailroom(buffer);
    return rte_pktmbuf_mtod(buffer, uint8_t *);
}

void peregrine_dpdk_written(struct rte_mbuf *buffer, uint16_t length) {
    rte_pktmbuf_data_len(buffer) = length;
    rte_pktmbuf_pkt_len(buffer) = length;
}
