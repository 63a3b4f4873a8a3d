import { Module } from '@nestjs/common';
import { CallsGateway } from './calls.gateway';
import { HealthController } from './health.controller';
import { Pairs } from './pairs';
import { Cache, Database } from './parts';
import { PeopleController } from './people.controller';

@Module({
  controllers: [HealthController, PeopleController],
  providers: [Database, Cache, Pairs, CallsGateway],
})
export class AppModule {}
