"""Whose hands do which fault."""

from typing import Any

from chaos.faults import (
    balancer,
    cpu,
    network,
    none,
    pager,
    postgres,
    process,
    redis,
    redis_keys,
    redis_link,
    scheduler,
    traffic,
)
from chaos.faults.hands import Hands
from chaos.spec.faults.balancer import HAProxyDrain, HAProxyFoolChecks
from chaos.spec.faults.cpu import ProcessHog, ProcessThrottle
from chaos.spec.faults.network import Bandwidth, Down, Latency, ResetPeer, SlowClose, Timeout
from chaos.spec.faults.none import NoFault
from chaos.spec.faults.pager import PagerRefuse
from chaos.spec.faults.postgres import HoldLocks, SlowQueries, TakeConnections
from chaos.spec.faults.process import ProcessCrash, ProcessKill, ProcessPause, ProcessRestart
from chaos.spec.faults.redis import RedisKillMaster, RedisKillReplica, RedisLoseMajority
from chaos.spec.faults.redis_keys import RedisFill, RedisFlush
from chaos.spec.faults.redis_link import RedisCutOffMaster
from chaos.spec.faults.scheduler import NodeDrain, ServiceScale
from chaos.spec.faults.table import AnyFault
from chaos.spec.faults.traffic import TrafficCrowd, TrafficHotKey, TrafficSlowClients, TrafficSurge

HANDS: dict[type[AnyFault], type[Hands[Any]]] = {
    NoFault: none.NoFaultHands,
    ProcessKill: process.ProcessKillHands,
    ProcessCrash: process.ProcessCrashHands,
    ProcessPause: process.ProcessPauseHands,
    ProcessRestart: process.ProcessRestartHands,
    ProcessThrottle: cpu.ProcessThrottleHands,
    ProcessHog: cpu.ProcessHogHands,
    HAProxyDrain: balancer.HAProxyDrainHands,
    HAProxyFoolChecks: balancer.HAProxyFoolChecksHands,
    Latency: network.LatencyHands,
    Bandwidth: network.BandwidthHands,
    Timeout: network.TimeoutHands,
    ResetPeer: network.ResetPeerHands,
    SlowClose: network.SlowCloseHands,
    Down: network.DownHands,
    PagerRefuse: pager.PagerRefuseHands,
    HoldLocks: postgres.HoldLocksHands,
    TakeConnections: postgres.TakeConnectionsHands,
    SlowQueries: postgres.SlowQueriesHands,
    RedisKillMaster: redis.RedisKillMasterHands,
    RedisKillReplica: redis.RedisKillReplicaHands,
    RedisLoseMajority: redis.RedisLoseMajorityHands,
    RedisCutOffMaster: redis_link.RedisCutOffMasterHands,
    RedisFlush: redis_keys.RedisFlushHands,
    RedisFill: redis_keys.RedisFillHands,
    TrafficSurge: traffic.TrafficSurgeHands,
    TrafficCrowd: traffic.TrafficCrowdHands,
    TrafficHotKey: traffic.TrafficHotKeyHands,
    TrafficSlowClients: traffic.TrafficSlowClientsHands,
    NodeDrain: scheduler.NodeDrainHands,
    ServiceScale: scheduler.ServiceScaleHands,
}


def hands_of(fault: AnyFault) -> Hands[Any]:
    """Who puts this fault in place and takes it back."""
    return HANDS[type(fault)](fault)
