import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { type Contestant, actOf } from '../contestant.ts';

/** Servers without sessions: what is subtracted. */
export const bare: Contestant = {
  name: 'bare',
  floor: 'bare',
  async start() {
    return {
      listener(request, response) {
        actOf(request.url);
        response.end('ok');
      },
    };
  },
};

export const bareExpress: Contestant = {
  name: 'bare Express',
  floor: 'bare Express',
  async start() {
    const app = express();
    app.use((request, response) => {
      actOf(request.url);
      response.end('ok');
    });
    return { listener: app };
  },
};

export const bareKoa: Contestant = {
  name: 'bare Koa',
  floor: 'bare Koa',
  async start() {
    const app = new Koa();
    app.use((ctx) => {
      actOf(ctx.url);
      ctx.body = 'ok';
    });
    const listener = app.callback();
    return { listener: (request, response) => void listener(request, response) };
  },
};

export const bareFastify: Contestant = {
  name: 'bare Fastify',
  floor: 'bare Fastify',
  async start() {
    const app = fastify();
    app.all('/*', (request, reply) => {
      actOf(request.url);
      return reply.send('ok');
    });
    await app.ready();
    return { listener: (request, response) => app.routing(request, response), close: () => app.close() };
  },
};
