"""The one table of faults: the name in an experiment file is the tag of its class."""

from typing import TypeAlias

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
from chaos.spec.faults.traffic import TrafficCrowd, TrafficHotKey, TrafficSlowClients, TrafficSurge

AnyFault: TypeAlias = (
    NoFault
    | ProcessKill
    | ProcessCrash
    | ProcessPause
    | ProcessRestart
    | ProcessThrottle
    | ProcessHog
    | HAProxyDrain
    | HAProxyFoolChecks
    | Latency
    | Bandwidth
    | Timeout
    | ResetPeer
    | SlowClose
    | Down
    | PagerRefuse
    | HoldLocks
    | TakeConnections
    | SlowQueries
    | RedisKillMaster
    | RedisKillReplica
    | RedisLoseMajority
    | RedisCutOffMaster
    | RedisFlush
    | RedisFill
    | TrafficSurge
    | TrafficCrowd
    | TrafficHotKey
    | TrafficSlowClients
    | NodeDrain
    | ServiceScale
)

FAULTS: dict[str, type[AnyFault]] = {
    "none": NoFault,
    "process.kill": ProcessKill,
    "process.crash": ProcessCrash,
    "process.pause": ProcessPause,
    "process.restart": ProcessRestart,
    "process.throttle": ProcessThrottle,
    "process.hog": ProcessHog,
    "haproxy.drain": HAProxyDrain,
    "haproxy.fool_checks": HAProxyFoolChecks,
    "network.latency": Latency,
    "network.bandwidth": Bandwidth,
    "network.timeout": Timeout,
    "network.reset_peer": ResetPeer,
    "network.slow_close": SlowClose,
    "network.down": Down,
    "pager.refuse": PagerRefuse,
    "postgres.hold_locks": HoldLocks,
    "postgres.take_connections": TakeConnections,
    "postgres.slow_queries": SlowQueries,
    "redis.kill_master": RedisKillMaster,
    "redis.kill_replica": RedisKillReplica,
    "redis.lose_majority": RedisLoseMajority,
    "redis.cut_off_master": RedisCutOffMaster,
    "redis.flush": RedisFlush,
    "redis.fill": RedisFill,
    "traffic.surge": TrafficSurge,
    "traffic.crowd": TrafficCrowd,
    "traffic.hot_key": TrafficHotKey,
    "traffic.slow_clients": TrafficSlowClients,
    "node.drain": NodeDrain,
    "service.scale": ServiceScale,
}
