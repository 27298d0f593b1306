"""The one table of faults: the name in an experiment file is the tag of its class."""

from typing import TypeAlias

from chaos.faults import balancer, cpu, network, postgres, process, redis, redis_keys, redis_link, scheduler, traffic
from chaos.faults.fault import Fault, Proof, System
from chaos.faults.none import NoFault
from chaos.faults.pager import PagerRefuse
from chaos.faults.process import ProcessKill

AnyFault: TypeAlias = (
    NoFault
    | ProcessKill
    | process.ProcessCrash
    | process.ProcessPause
    | process.ProcessRestart
    | cpu.ProcessThrottle
    | cpu.ProcessHog
    | balancer.HAProxyDrain
    | balancer.HAProxyFoolChecks
    | network.Latency
    | network.Bandwidth
    | network.Timeout
    | network.ResetPeer
    | network.SlowClose
    | network.Down
    | PagerRefuse
    | postgres.HoldLocks
    | postgres.TakeConnections
    | postgres.SlowQueries
    | redis.RedisKillMaster
    | redis.RedisKillReplica
    | redis.RedisLoseMajority
    | redis_link.RedisCutOffMaster
    | redis_keys.RedisFlush
    | redis_keys.RedisFill
    | traffic.TrafficSurge
    | traffic.TrafficCrowd
    | traffic.TrafficHotKey
    | traffic.TrafficSlowClients
    | scheduler.NodeDrain
    | scheduler.ServiceScale
)

FAULTS: dict[str, type[AnyFault]] = {
    "none": NoFault,
    "process.kill": ProcessKill,
    "process.crash": process.ProcessCrash,
    "process.pause": process.ProcessPause,
    "process.restart": process.ProcessRestart,
    "process.throttle": cpu.ProcessThrottle,
    "process.hog": cpu.ProcessHog,
    "haproxy.drain": balancer.HAProxyDrain,
    "haproxy.fool_checks": balancer.HAProxyFoolChecks,
    "network.latency": network.Latency,
    "network.bandwidth": network.Bandwidth,
    "network.timeout": network.Timeout,
    "network.reset_peer": network.ResetPeer,
    "network.slow_close": network.SlowClose,
    "network.down": network.Down,
    "pager.refuse": PagerRefuse,
    "postgres.hold_locks": postgres.HoldLocks,
    "postgres.take_connections": postgres.TakeConnections,
    "postgres.slow_queries": postgres.SlowQueries,
    "redis.kill_master": redis.RedisKillMaster,
    "redis.kill_replica": redis.RedisKillReplica,
    "redis.lose_majority": redis.RedisLoseMajority,
    "redis.cut_off_master": redis_link.RedisCutOffMaster,
    "redis.flush": redis_keys.RedisFlush,
    "redis.fill": redis_keys.RedisFill,
    "traffic.surge": traffic.TrafficSurge,
    "traffic.crowd": traffic.TrafficCrowd,
    "traffic.hot_key": traffic.TrafficHotKey,
    "traffic.slow_clients": traffic.TrafficSlowClients,
    "node.drain": scheduler.NodeDrain,
    "service.scale": scheduler.ServiceScale,
}

__all__ = ["FAULTS", "AnyFault", "Fault", "Proof", "System"]
