import 'reflect-metadata';

import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Injectable,
  Module,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportModule, PassportSerializer, PassportStrategy } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express, Request } from 'express';

import { load, passportLocal } from './others.ts';

class LocalStrategy extends PassportStrategy(passportLocal.Strategy) {
  validate(username: string, password: string): { id: string } {
    if (password !== 'right') throw new UnauthorizedException();
    return { id: username };
  }
}

class Serializer extends PassportSerializer {
  serializeUser(user: { id: string }, done: (error: unknown, id: string) => void): void {
    done(null, user.id);
  }

  deserializeUser(id: string, done: (error: unknown, user: object) => void): void {
    done(null, { id });
  }
}

class LoginGuard extends AuthGuard('local') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    await super.logIn(context.switchToHttp().getRequest());
    return true;
  }
}

class LoggedInGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<Request>().isAuthenticated();
  }
}

class AccountController {
  login({ user }: Request): object {
    return { user };
  }

  private({ user, session }: Request): object {
    const views = Number(Reflect.get(session, 'views') ?? 0) + 1;
    Object.assign(session, { views });
    return { user, views };
  }

  logout(request: Request): Promise<string> {
    return new Promise((resolve, reject) => {
      request.logout((error) => (error ? reject(error) : resolve('bye')));
    });
  }
}

class AppModule {}

// What decorators are written for, which need a setting of the compiler: the same calls.
const routes = AccountController.prototype;
const decorate = (name: keyof AccountController, ...decorators: readonly MethodDecorator[]): void => {
  Req()(routes, name, 0);
  const descriptor = Object.getOwnPropertyDescriptor(routes, name) ?? {};
  for (const decorator of decorators) decorator(routes, name, descriptor);
};
decorate('login', Post('login'), UseGuards(LoginGuard));
decorate('private', Get('private'), UseGuards(LoggedInGuard));
decorate('logout', Post('logout'), UseGuards(LoggedInGuard));
Controller()(AccountController);
for (const provider of [LocalStrategy, Serializer, LoginGuard, LoggedInGuard]) Injectable()(provider);
Module({
  imports: [PassportModule.register({ session: true })],
  controllers: [AccountController],
  providers: [LocalStrategy, Serializer],
})(AppModule);

/** NestJS over an app of Express, whose requests have a session: a login by passport-local, a page, a logout. */
export async function openNest(app: Express): Promise<INestApplication> {
  const passport = load('passport');
  const nest = await NestFactory.create(AppModule, new ExpressAdapter(app), { logger: false });
  nest.use(passport.initialize());
  nest.use(passport.session());
  return nest.init();
}
